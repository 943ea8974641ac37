/**
 * Where bookings are kept.
 *
 * A slot is booked once, and a flow token books once: whoever keeps the bookings guarantees both, also against callers that
 * run at the same moment.
 */

import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';

import type { Day } from './catalogue.ts';

/** For people to read out: no character is taken for another. */
const ALPHABET = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ';

const REFERENCE_LENGTH = 8;

/** What is kept of an appointment. The time is `HH:MM`; `moreDetails` may be empty. */
export interface Booking {
  readonly department: string;
  readonly location: string;
  readonly date: Day;
  readonly time: string;
  readonly name: string;
  readonly email: string;
  readonly phone: string;
  readonly moreDetails: string;
}

/** What became of an attempt to book. */
export type Outcome =
  /** The slot belongs to this booking, now or since an earlier attempt that was the same in everything. */
  | { readonly kind: 'booked'; readonly reference: string }
  /** The slot belongs to somebody else. */
  | { readonly kind: 'slot taken' }
  /** The token has booked already, something else. */
  | { readonly kind: 'token used'; readonly reference: string };

/** Day and time of a booking. */
export interface TakenTime {
  readonly date: Day;
  readonly time: string;
}

/**
 * The bookings. A token is the key of a conversation; without one, equal bookings are the same booking.
 *
 * Where they cannot be reached, each method rejects with a LogicError whose reason is UNAVAILABLE. The signal aborts when
 * nobody waits for the answer any more.
 */
export interface Bookings {
  /** Day and time of each booking of a department at a location, from a day on. */
  taken(department: string, location: string, since: Day, signal: AbortSignal): Promise<TakenTime[]>;

  /** Books the slot, once for each slot and once for each token. */
  book(flowToken: string | undefined, booking: Booking, signal: AbortSignal): Promise<Outcome>;

  /** Reference of the booking that a token has made. */
  find(flowToken: string, signal: AbortSignal): Promise<string | undefined>;

  /** Resolves when the bookings can be reached. */
  check(signal: AbortSignal): Promise<void>;
}

interface Entry {
  readonly reference: string;
  readonly flowToken: string | undefined;
  readonly booking: Booking;
}

/** Bookings in memory, gone with the process. No method awaits, so each is done before another begins. */
export class Memory implements Bookings {
  readonly #entries: Entry[] = [];

  taken(department: string, location: string, since: Day): Promise<TakenTime[]> {
    const bookings = this.#entries.map((entry) => entry.booking);
    const isThere = (booking: Booking) =>
      booking.department === department && booking.location === location && booking.date >= since;
    return Promise.resolve(bookings.filter(isThere));
  }

  book(flowToken: string | undefined, booking: Booking): Promise<Outcome> {
    const obstacle =
      this.#entries.find((entry) => flowToken !== undefined && entry.flowToken === flowToken) ??
      this.#entries.find((entry) => isSameSlot(entry.booking, booking));
    if (obstacle) {
      return Promise.resolve(against(obstacle, flowToken, booking));
    }
    const reference = newReference();
    this.#entries.push({ reference, flowToken, booking });
    return Promise.resolve({ kind: 'booked', reference });
  }

  find(flowToken: string): Promise<string | undefined> {
    return Promise.resolve(this.#entries.find((entry) => entry.flowToken === flowToken)?.reference);
  }

  check(): Promise<void> {
    return Promise.resolve();
  }
}

function isSameSlot(one: Booking, other: Booking): boolean {
  return (
    one.department === other.department &&
    one.location === other.location &&
    one.date === other.date &&
    one.time === other.time
  );
}

/** What an entry, which stands in the way of a booking, means for it. */
function against(entry: Entry, flowToken: string | undefined, booking: Booking): Outcome {
  const isSameToken = entry.flowToken === flowToken;
  if (isSameToken && isDeepStrictEqual(entry.booking, booking)) {
    return { kind: 'booked', reference: entry.reference };
  }
  if (isSameToken && flowToken !== undefined) {
    return { kind: 'token used', reference: entry.reference };
  }
  return { kind: 'slot taken' };
}

/** A short name for people to read out. */
function newReference(): string {
  // 256 is a multiple of the alphabet's 32, so every character is as likely as another.
  return Array.from(randomBytes(REFERENCE_LENGTH), (byte) => ALPHABET.charAt(byte % ALPHABET.length)).join('');
}
