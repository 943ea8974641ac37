/**
 * The decisions of the flow: which screen comes next, and with what on it.
 *
 * | screen | what the user does | what comes next |
 * |---|---|---|
 * | `APPOINTMENT` | chooses department, location, date and time; each choice brings the next list | `DETAILS`, by itself |
 * | `DETAILS` | gives name, email and phone | `SUMMARY`, or `DETAILS` with what to mend |
 * | `SUMMARY` | reads it all, accepts the terms | the end, or `APPOINTMENT` where the time was taken meanwhile |
 * | `TERMS` | reads the terms | back, by the client alone |
 *
 * Who has booked under a flow token gets the same answer again to the same form, and to everything else that the token is
 * used up. The screens and their data are declared in `examples/flows/appointment.json`.
 */

import type { Bookings } from './bookings.ts';
import {
  type Choice,
  type Day,
  dayChoice,
  dayOf,
  type Department,
  departmentChoices,
  findDepartment,
  findPlace,
  inWords,
  locationChoices,
  offeredDays,
  type Place,
  timeChoice,
} from './catalogue.ts';
import { LogicError } from './errors.ts';
import {
  type BookingForm,
  type Chosen,
  type Details,
  detailsOf,
  readBookingForm,
  readChosen,
  type Slot,
  slotOf,
} from './form.ts';
import { Action, type HandleDataExchangeRequest, type HandleDataExchangeResponse } from './gen/flow/v1/flow_service.ts';

const NOT_OFFERED = 'This is no longer offered. Please choose again.';
const FULLY_BOOKED = 'Everything is booked here. Please choose another location.';
const TAKEN = 'Somebody was faster: this time has just been taken. Please choose another.';
const TERMS = 'Please accept the terms to book.';

/** What a message has for a token whose sender set none. Many conversations share it, so it is the key of none. */
const UNUSED_TOKEN = 'unused';

const ACTIONS: ReadonlySet<Action> = new Set([Action.ACTION_INIT, Action.ACTION_DATA_EXCHANGE, Action.ACTION_BACK]);

/** A day and the times that are still free. */
interface FreeDay {
  readonly date: Day;
  readonly times: string[];
}

/** The logic of the flow over its bookings. */
export class Appointments {
  readonly #bookings: Bookings;

  constructor(bookings: Bookings) {
    this.#bookings = bookings;
  }

  /** One step of a conversation. The signal aborts when nobody waits for the answer any more. */
  async dataExchange(request: HandleDataExchangeRequest, signal: AbortSignal): Promise<HandleDataExchangeResponse> {
    const { action, screen, data } = request;
    if (!ACTIONS.has(action)) {
      throw new LogicError('INVALID_REQUEST', 'a data exchange is one of INIT, data_exchange and BACK');
    }
    const flowToken = request.flowToken === UNUSED_TOKEN ? undefined : request.flowToken || undefined;
    if (action === Action.ACTION_DATA_EXCHANGE && screen === 'SUMMARY') {
      return this.#book(flowToken, readBookingForm(data), signal);
    }
    if (flowToken !== undefined) {
      const reference = await this.#bookings.find(flowToken, signal);
      if (reference !== undefined) {
        return bookedAlready(reference);
      }
    }
    if (action !== Action.ACTION_DATA_EXCHANGE) {
      // Back leads to APPOINTMENT only: DETAILS alone has refresh_on_back.
      return appointmentScreen({});
    }
    switch (screen) {
      case 'APPOINTMENT':
        return this.#choose(readChosen(data), signal);
      case 'DETAILS':
        return checkDetails(readBookingForm(data));
      default:
        throw new LogicError('INTERNAL', 'the flow has no such screen that submits');
    }
  }

  /** Resolves when a user could be served. */
  async ping(signal: AbortSignal): Promise<void> {
    await this.#bookings.check(signal);
  }

  /** One of the dropdowns of APPOINTMENT was used: brings the content of the next. */
  async #choose(chosen: Chosen, signal: AbortSignal): Promise<HandleDataExchangeResponse> {
    if (chosen.trigger === 'department_selected') {
      const department = findDepartment(chosen.department);
      return department ? appointmentScreen({ department }) : appointmentScreen({}, NOT_OFFERED);
    }
    const place = findPlace(chosen.department, chosen.location);
    if (!place) {
      return appointmentScreen({}, NOT_OFFERED);
    }
    const { department } = place;
    const free = await this.#free(place, signal);
    if (chosen.trigger === 'location_selected') {
      return appointmentScreen({ department, free }, free.length > 0 ? '' : FULLY_BOOKED);
    }
    const day = free.find(({ date }) => date === chosen.date);
    return day ? appointmentScreen({ department, free, day }) : appointmentScreen({ department, free }, NOT_OFFERED);
  }

  /** SUMMARY was submitted. Everything is checked again, for all of it came back from the client. */
  async #book(flowToken: string | undefined, form: BookingForm, signal: AbortSignal) {
    const slot = slotOf(form, today());
    if (!slot) {
      return appointmentScreen({}, NOT_OFFERED);
    }
    const details = detailsOf(form);
    if ('mend' in details) {
      return nextScreen('DETAILS', slotData(slot), details.mend);
    }
    if (!form.terms) {
      return nextScreen('SUMMARY', summary(slot, details), TERMS);
    }
    const outcome = await this.#bookings.book(flowToken, { ...slotData(slot), ...details }, signal);
    switch (outcome.kind) {
      case 'booked':
        return completion({ reference: outcome.reference, ...slotData(slot) });
      case 'token used':
        return bookedAlready(outcome.reference);
      case 'slot taken': {
        const { department } = slot.place;
        return appointmentScreen({ department, free: await this.#free(slot.place, signal) }, TAKEN);
      }
    }
  }

  /** The days with free times at a place, in their order. */
  async #free({ department, location }: Place, signal: AbortSignal): Promise<FreeDay[]> {
    const taken = await this.#bookings.taken(department.id, location.id, today(), signal);
    const isFree = (day: Day, time: string) => !taken.some((booked) => booked.date === day && booked.time === time);
    return offeredDays(today())
      .map((date) => ({ date, times: location.times.filter((time) => isFree(date, time)) }))
      .filter(({ times }) => times.length > 0);
  }
}

/** DETAILS was submitted. */
function checkDetails(form: BookingForm): HandleDataExchangeResponse {
  const slot = slotOf(form, today());
  if (!slot) {
    return appointmentScreen({}, NOT_OFFERED);
  }
  const details = detailsOf(form);
  return 'mend' in details
    ? nextScreen('DETAILS', slotData(slot), details.mend)
    : nextScreen('SUMMARY', summary(slot, details));
}

/** APPOINTMENT after what was chosen so far. A dropdown is enabled once there is something in it. */
function appointmentScreen(
  chosen: { department?: Department; free?: FreeDay[]; day?: FreeDay },
  errorMessage = '',
): HandleDataExchangeResponse {
  const location: Choice[] = chosen.department ? locationChoices(chosen.department) : [];
  const date = (chosen.free ?? []).map((day) => dayChoice(day.date));
  const time = (chosen.day?.times ?? []).map(timeChoice);
  const data = {
    department: departmentChoices(),
    location,
    is_location_enabled: location.length > 0,
    date,
    is_date_enabled: date.length > 0,
    time,
    is_time_enabled: time.length > 0,
  };
  return nextScreen('APPOINTMENT', data, errorMessage);
}

/** The data of DETAILS: the slot, for the client to hand back. */
function slotData({ place, date, time }: Slot) {
  return { department: place.department.id, location: place.location.id, date, time };
}

/** The data of SUMMARY: two texts to read, and everything for the client to hand back. */
function summary(slot: Slot, { name, email, phone, moreDetails }: Details) {
  const { department, location } = slot.place;
  return {
    appointment: `${department.title} at ${location.title}\n${inWords(slot.date)} at ${slot.time}`,
    details: `Name: ${name}\nEmail: ${email}\nPhone: ${phone}`,
    ...slotData(slot),
    name,
    email,
    phone,
    more_details: moreDetails,
  };
}

function nextScreen(screen: string, data: Record<string, unknown>, errorMessage = ''): HandleDataExchangeResponse {
  return { outcome: { $case: 'nextScreen', value: { screen, data, errorMessage } } };
}

function completion(params: Record<string, unknown>): HandleDataExchangeResponse {
  return { outcome: { $case: 'completion', value: { params } } };
}

function bookedAlready(reference: string): HandleDataExchangeResponse {
  const errorMessage = `Your appointment is booked already, under ${reference}. To change it, write to us.`;
  return { outcome: { $case: 'invalidFlowToken', value: { errorMessage } } };
}

function today(): Day {
  return dayOf(new Date());
}
