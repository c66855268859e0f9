import { isIP } from "node:net";

/** Addresses that begin with the same bits. */
export interface AddressRange {
  /** 4 numbers of 32 bits; IPv4 as `::ffff:a.b.c.d`. */
  readonly words: readonly number[];
  /** How many of 128 bits count. */
  readonly bits: number;
}

const mappedPrefix = 0xffff;

function ipv4Word(text: string): number {
  return text.split(".").reduce((word, part) => word * 256 + Number(part), 0);
}

function hexOf(word: number): string {
  return `${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`;
}

function groupsOf(part: string | undefined): number[] {
  return part === undefined || part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16));
}

/** Eight groups of 16 bits; an IPv4 tail counts as two. */
function ipv6Words(text: string): number[] {
  const tail = /(?<=:)\d+\.\d+\.\d+\.\d+$/.exec(text)?.[0];
  const plain = tail === undefined ? text : text.slice(0, -tail.length) + hexOf(ipv4Word(tail));
  const [head = "", rest] = plain.split("::");
  const [left, right] = [groupsOf(head), groupsOf(rest)];
  const groups = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => 0), ...right];
  return [0, 2, 4, 6].map((at) => (groups[at] ?? 0) * 65_536 + (groups[at + 1] ?? 0));
}

/** 128 bits of an address, as sockets write it; `undefined` = it is none. A zone id is ignored. */
function wordsOf(address: string): readonly number[] | undefined {
  const zone = address.indexOf("%");
  const text = zone === -1 ? address : address.slice(0, zone);
  const version = isIP(text);
  if (version === 0) return undefined;
  return version === 4 ? [0, 0, mappedPrefix, ipv4Word(text)] : ipv6Words(text);
}

/** `10.0.0.0/8`, `2001:db8::/32`, or one address; `undefined` = it is none of these. */
export function parseAddressRange(text: string): AddressRange | undefined {
  const match = /^([0-9a-f.:]+)(?:\/(0|[1-9]\d{0,2}))?$/i.exec(text);
  const [, address = "", length] = match ?? [];
  const words = wordsOf(address);
  if (words === undefined) return undefined;
  const isShort = !address.includes(":");
  const most = isShort ? 32 : 128;
  const bits = length === undefined ? most : Number(length);
  return bits > most ? undefined : { words, bits: isShort ? bits + 96 : bits };
}

function isWithin(words: readonly number[], range: AddressRange): boolean {
  for (let at = 0, left = range.bits; left > 0; at += 1, left -= 32) {
    const unit = left >= 32 ? 1 : 2 ** (32 - left);
    if (Math.floor((words[at] ?? 0) / unit) !== Math.floor((range.words[at] ?? 0) / unit)) return false;
  }
  return true;
}

/** Whether an address, as a socket tells it, lies in one of the ranges. What cannot be read lies in none. */
export function isInRanges(address: string, ranges: readonly AddressRange[]): boolean {
  const words = wordsOf(address);
  return words !== undefined && ranges.some((range) => isWithin(words, range));
}
