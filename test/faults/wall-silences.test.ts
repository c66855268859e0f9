import { wall } from "./wall.ts";

// They do nothing but wait.
await wall("silences", 100);
