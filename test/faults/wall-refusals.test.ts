import { wall } from "./wall.ts";

await wall("refusals");
