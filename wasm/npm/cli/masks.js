// What is replaced wherever a secret would be printed: the value in every form in which it may be repeated.

import { Buffer } from "node:buffer";

/** Shorter texts are words that any sentence holds. */
export const SHORTEST = 6;

/** Returns the lines of a value that are long enough to be masked. */
export const linesOf = (value) =>
  value.split(/\r\n|\r|\n/).map((line) => line.trim()).filter((line) => line.length >= SHORTEST);

/** Writes the digits of percent-encoded bytes in lower case. */
const lowerHex = (text) => text.replace(/%[0-9A-F]{2}/g, (byte) => byte.toLowerCase());

/** What RFC 3986 encodes and `encodeURIComponent` leaves. */
const percent = (text) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/**
 * Base64 of both alphabets: of the whole, and of what stays the same of it behind one and two other bytes, such
 * as behind a user's name and a colon.
 */
function inBase64(line) {
  const bytes = Buffer.from(line, "utf8");
  const texts = [bytes, ...[0, 1, 2].map((skipped) => {
    const rest = bytes.subarray(skipped);
    return rest.subarray(0, Math.floor(rest.length / 3) * 3);
  })];
  return texts.flatMap((part) => [part.toString("base64"), part.toString("base64url")]);
}

/** Replaces every secret that it has heard of. */
export class Masks {
  #known = new Set();
  #forms = [];

  /** Remembers a secret; returns its lines that are new. */
  add(value) {
    const lines = linesOf(value).filter((line) => !this.#known.has(line));
    for (const line of lines) {
      this.#known.add(line);
      const encoded = percent(line);
      const form = new URLSearchParams([["", line]]).toString().slice(1);
      const json = JSON.stringify(line).slice(1, -1);
      const plain = encodeURIComponent(line);
      this.#forms.push(line, encoded, lowerHex(encoded), plain, lowerHex(plain), form, lowerHex(form), json, ...inBase64(line));
    }
    // The longest first, so that none leaves a part of another behind.
    this.#forms = [...new Set(this.#forms)].filter((text) => text.length >= SHORTEST)
      .sort((a, b) => b.length - a.length);
    return lines;
  }

  /** Returns the text with every secret replaced. */
  apply(text) {
    return this.#forms.reduce((left, form) => left.replaceAll(form, "***"), text);
  }
}
