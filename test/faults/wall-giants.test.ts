import { wall } from "./wall.ts";

// Five megabytes each: more at once would only wait for each other.
await wall("giants", 6);
