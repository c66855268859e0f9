import { wall } from "./wall.ts";

await wall("oddities");
