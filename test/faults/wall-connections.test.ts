import { wall } from "./wall.ts";

// More handshakes at once would not be done within the time that a connection may take.
await wall("connections", 10);
