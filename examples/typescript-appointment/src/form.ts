/**
 * What the screens submit, and the check that makes a booking of it.
 *
 * Everything here was typed or chosen by a user. What a user can get wrong comes back as a text for the same user; what only
 * a Flow JSON that disagrees with this code can send is an error.
 */

import { z } from 'zod';

import { type Day, findPlace, offeredDays, type Place } from './catalogue.ts';
import { LogicError } from './errors.ts';

const MAX_NAME = 80;
const MAX_MORE_DETAILS = 500;
const MAX_EMAIL_BYTES = 254;

const CHOSEN = z.discriminatedUnion('trigger', [
  z.object({ trigger: z.literal('department_selected'), department: z.string() }),
  z.object({ trigger: z.literal('location_selected'), department: z.string(), location: z.string() }),
  z.object({ trigger: z.literal('date_selected'), department: z.string(), location: z.string(), date: z.string() }),
]);

const BOOKING_FORM = z.object({
  department: z.string(),
  location: z.string(),
  date: z.string(),
  time: z.string(),
  name: z.string(),
  email: z.string(),
  phone: z.string(),
  more_details: z.string().nullish(),
  terms: z.boolean().default(false),
});

/** The dropdowns of APPOINTMENT: each choice asks for the content of the next. */
export type Chosen = z.infer<typeof CHOSEN>;

/** The form of DETAILS, and again that of SUMMARY, which adds the terms. */
export type BookingForm = z.infer<typeof BOOKING_FORM>;

/** What came with a request; undefined where nothing did. */
export type FormData = Readonly<Record<string, unknown>> | undefined;

/** An appointment that the catalogue offers. */
export interface Slot {
  readonly place: Place;
  readonly date: Day;
  readonly time: string;
}

/** Who comes, in the form in which it is kept: without white space around. */
export interface Details {
  readonly name: string;
  readonly email: string;
  readonly phone: string;
  readonly moreDetails: string;
}

export function readChosen(data: FormData): Chosen {
  return read(CHOSEN, data);
}

export function readBookingForm(data: FormData): BookingForm {
  return read(BOOKING_FORM, data);
}

/** The chosen slot; undefined where the catalogue does not offer it, or no longer. */
export function slotOf(form: BookingForm, today: Day): Slot | undefined {
  const { date, time } = form;
  const place = findPlace(form.department, form.location);
  const isOffered = offeredDays(today).includes(date) && place?.location.times.includes(time);
  return place && isOffered ? { place, date, time } : undefined;
}

/** Who comes, or what the user should mend, in words for the user. */
export function detailsOf(form: BookingForm): Details | { readonly mend: string } {
  const details = {
    name: form.name.trim(),
    email: form.email.trim(),
    phone: form.phone.trim(),
    moreDetails: (form.more_details ?? '').trim(),
  };
  if (details.name === '' || letters(details.name) > MAX_NAME) {
    return { mend: 'Please tell us your name, in up to 80 letters.' };
  }
  if (!isEmail(details.email)) {
    return { mend: 'This is no complete email address. It should look like name@example.com.' };
  }
  if (!isPhone(details.phone)) {
    return { mend: 'This is no phone number. Please give 7 to 15 digits, such as +44 20 7946 0000.' };
  }
  if (letters(details.moreDetails) > MAX_MORE_DETAILS) {
    return { mend: 'Please shorten your remarks to 500 letters.' };
  }
  return details;
}

/** Whether mail could be sent there. Whether it arrives only mail can tell. */
export function isEmail(text: string): boolean {
  const at = text.lastIndexOf('@');
  const local = text.slice(0, Math.max(at, 0));
  const labels = text.slice(at + 1).split('.');
  return (
    local !== '' &&
    labels.length > 1 &&
    labels.every((label) => label !== '') &&
    !/[\s\p{Cc}]/u.test(text) &&
    !local.includes('@') &&
    Buffer.byteLength(text) <= MAX_EMAIL_BYTES
  );
}

/** E.164 has at most 15 digits; people group them as they like. */
export function isPhone(text: string): boolean {
  const digits = text.replaceAll(/\D/g, '').length;
  return /^\+?[\d .()-]*$/.test(text) && digits >= 7 && digits <= 15;
}

/** Code points, for in UTF-16 some letters count twice. */
function letters(text: string): number {
  return Array.from(text).length;
}

function read<T>(form: z.ZodType<T>, data: FormData): T {
  const result = form.safeParse(data ?? {});
  if (result.success) {
    return result.data;
  }
  // The kind of issue, and of its path the name that the form above gives the field: neither quotes what was sent.
  const issue = result.error.issues[0];
  const field = issue?.path.length ? `, field \`${String(issue.path[0])}\`` : '';
  throw new LogicError('INVALID_FORM_DATA', `form data${field}: ${issue?.code ?? 'unknown'}`);
}
