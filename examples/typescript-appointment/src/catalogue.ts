/**
 * What can be booked: departments, their locations, and the times that they offer.
 *
 * A business reads this from its own systems. Here it is fixed, apart from the dates: the next ten working days.
 */

import { addBusinessDays, format, formatISO, parseISO } from 'date-fns';

/** How many working days ahead can be booked. */
const DAYS_AHEAD = 10;

/** A day without a time or zone, as `YYYY-MM-DD`: comparing the texts compares the days. */
export type Day = string;

/** An item of a dropdown, as the Flow JSON declares it. */
export interface Choice {
  readonly id: string;
  readonly title: string;
}

/** A place where a department receives its customers, and the times of a working day, in their order. */
export interface Location extends Choice {
  readonly times: readonly string[];
}

/** A department of the shop. */
export interface Department extends Choice {
  readonly locations: readonly Location[];
}

/** A department at one of its locations. */
export interface Place {
  readonly department: Department;
  readonly location: Location;
}

const KINGS_CROSS: Location = {
  id: 'kings_cross',
  title: "King's Cross",
  times: ['09:00', '10:30', '12:00', '14:00', '15:30'],
};
const OXFORD_STREET: Location = {
  id: 'oxford_street',
  title: 'Oxford Street',
  times: ['10:00', '11:00', '13:00', '16:30'],
};
const COVENT_GARDEN: Location = {
  id: 'covent_garden',
  title: 'Covent Garden',
  times: ['11:30', '14:30', '17:00'],
};

const DEPARTMENTS: readonly Department[] = [
  { id: 'beauty', title: 'Beauty & Personal Care', locations: [KINGS_CROSS, OXFORD_STREET, COVENT_GARDEN] },
  { id: 'home', title: 'Home & Garden', locations: [KINGS_CROSS, COVENT_GARDEN] },
  { id: 'tailoring', title: 'Tailoring', locations: [OXFORD_STREET] },
];

export function findDepartment(id: string): Department | undefined {
  return DEPARTMENTS.find((department) => department.id === id);
}

export function findPlace(departmentId: string, locationId: string): Place | undefined {
  const department = findDepartment(departmentId);
  const location = department?.locations.find((offered) => offered.id === locationId);
  return department && location && { department, location };
}

export function departmentChoices(): Choice[] {
  return DEPARTMENTS.map(choice);
}

export function locationChoices(department: Department): Choice[] {
  return department.locations.map(choice);
}

export function dayChoice(day: Day): Choice {
  return { id: day, title: inWords(day) };
}

export function timeChoice(time: string): Choice {
  return { id: time, title: time };
}

/** A day as people read it: `Mon 3 Feb 2025`. */
export function inWords(day: Day): string {
  return format(parseISO(day), 'EEE d MMM yyyy');
}

/** The day of a moment, in the time zone of the machine, which `TZ` sets. */
export function dayOf(moment: Date): Day {
  return formatISO(moment, { representation: 'date' });
}

/** The days that can be booked on a day: working days, beginning with the next. */
export function offeredDays(today: Day): Day[] {
  return Array.from({ length: DAYS_AHEAD }, (_, index) => dayOf(addBusinessDays(parseISO(today), index + 1)));
}

function choice({ id, title }: Choice): Choice {
  return { id, title };
}
