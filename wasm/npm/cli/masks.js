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

/** Returns the forms in which others repeat a text. */
function formsOf(text) {
  const encoded = percent(text);
  const plain = encodeURIComponent(text);
  const form = new URLSearchParams([["", text]]).toString().slice(1);
  const json = JSON.stringify(text).slice(1, -1);
  return [encoded, lowerHex(encoded), plain, lowerHex(plain), form, lowerHex(form), json, ...inBase64(text)];
}

/**
 * Replaces every secret that it has heard of. A fleet has thousands of secrets and a report of megabytes, so
 * that their forms are found by their beginning.
 */
export class Masks {
  #lines = new Set();
  #forms = new Map();

  /** Remembers a secret; returns its lines that are new. */
  add(value) {
    const lines = linesOf(value).filter((line) => !this.#lines.has(line));
    if (lines.length === 0) return lines;
    for (const line of lines) {
      this.#lines.add(line);
      for (const text of [line, ...formsOf(line)]) this.#remember(text);
    }
    // What goes into one form or one box is the whole, line ends included.
    if (/\n/.test(value.trim())) for (const text of formsOf(value)) this.#remember(text);
    return lines;
  }

  #remember(text) {
    if (text.length < SHORTEST) return;
    const start = text.slice(0, SHORTEST);
    const alike = this.#forms.get(start);
    if (alike === undefined) this.#forms.set(start, new Set([text]));
    else alike.add(text);
  }

  /** Returns the text with every secret replaced; where two overlap, both are replaced whole. */
  apply(text) {
    if (this.#forms.size === 0) return text;
    let masked = "";
    let shown = 0;
    let end = 0;
    for (let at = 0; at + SHORTEST <= text.length; at += 1) {
      const alike = this.#forms.get(text.slice(at, at + SHORTEST));
      if (alike === undefined) continue;
      let length = 0;
      for (const form of alike)
        if (form.length > length && text.startsWith(form, at)) length = form.length;
      if (length === 0) continue;
      if (at >= end) masked += `${text.slice(shown, at)}***`;
      end = Math.max(end, at + length);
      shown = end;
    }
    return masked + text.slice(shown);
  }
}
