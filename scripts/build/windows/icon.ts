/** Width and height in pixels. */
const size = 256;

type Color = readonly [red: number, green: number, blue: number];
type Point = readonly [x: number, y: number];

const background: Color = [24, 32, 56];
const wires: Color = [120, 200, 255];
const center: Color = [255, 255, 255];

/** Many clients in, one gateway, many providers out. */
const heights = [64, 128, 192];
const hub: Point = [128, 128];
const hubRadius = 30;
const wireWidth = 7;
const dotRadius = 16;
const cornerRadius = 48;

/** Bytes of an RT_ICON resource: a bitmap with transparency, whose rows go from the bottom up. */
export function iconBitmap(): Buffer {
  const headerLength = 40;
  const pixelsLength = size * size * 4;
  const maskLength = (size * size) / 8; // all zero: transparency is in the pixels
  const bitmap = Buffer.alloc(headerLength + pixelsLength + maskLength);
  bitmap.writeUInt32LE(headerLength, 0);
  bitmap.writeInt32LE(size, 4);
  bitmap.writeInt32LE(2 * size, 8); // pixels and mask
  bitmap.writeUInt16LE(1, 12);
  bitmap.writeUInt16LE(32, 14);
  bitmap.writeUInt32LE(pixelsLength + maskLength, 20);
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) {
      const [red, green, blue, alpha] = pixelAt([column + 0.5, row + 0.5]);
      bitmap.set([blue, green, red, alpha], headerLength + 4 * ((size - 1 - row) * size + column));
    }
  }
  return bitmap;
}

function pixelAt(point: Point): readonly [number, number, number, number] {
  const wire = Math.min(
    ...heights.flatMap((y) => [32, 224].map((x) => distanceToLine(point, hub, [x, y]) - wireWidth)),
  );
  const dot = Math.min(...heights.flatMap((y) => [32, 224].map((x) => distance(point, [x, y]) - dotRadius)));
  let color = mix(background, wires, coverage(Math.min(wire, dot)));
  color = mix(color, background, coverage(distance(point, hub) - hubRadius - wireWidth));
  color = mix(color, center, coverage(distance(point, hub) - hubRadius));
  const [red, green, blue] = color.map(Math.round) as [number, number, number];
  return [red, green, blue, Math.round(255 * coverage(distanceToCard(point)))];
}

/** How much of a pixel lies inside of an outline, given its signed distance to it. */
function coverage(signedDistance: number): number {
  return Math.min(1, Math.max(0, 0.5 - signedDistance));
}

function mix(below: Color, above: Color, amount: number): Color {
  const blend = (index: 0 | 1 | 2): number => below[index] + (above[index] - below[index]) * amount;
  return [blend(0), blend(1), blend(2)];
}

function distance([x, y]: Point, [toX, toY]: Point): number {
  return Math.hypot(x - toX, y - toY);
}

function distanceToLine(point: Point, from: Point, to: Point): number {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const along = ((point[0] - from[0]) * dx + (point[1] - from[1]) * dy) / (dx * dx + dy * dy);
  const part = Math.min(1, Math.max(0, along));
  return distance(point, [from[0] + part * dx, from[1] + part * dy]);
}

/** Signed distance to the rounded square behind everything. */
function distanceToCard([x, y]: Point): number {
  const half = size / 2;
  const dx = Math.abs(x - half) - (half - cornerRadius);
  const dy = Math.abs(y - half) - (half - cornerRadius);
  return Math.hypot(Math.max(dx, 0), Math.max(dy, 0)) + Math.min(Math.max(dx, dy), 0) - cornerRadius;
}
