/** A user, for tests: talks to the logic in this process, or by a stub over gRPC. */

import assert from 'node:assert/strict';

import { Memory } from '../src/bookings.ts';
import { Appointments } from '../src/flow.ts';
import { Action, HandleDataExchangeRequest, type HandleDataExchangeResponse } from '../src/gen/flow/v1/flow_service.ts';

export type Form = Record<string, unknown>;
export type Exchange = (request: HandleDataExchangeRequest) => Promise<HandleDataExchangeResponse>;

/** What the user gets. */
export class Answer {
  readonly outcome: string | undefined;
  readonly screen: string | undefined;
  readonly data: Form;
  readonly errorMessage: string;
  readonly params: Form | undefined;

  constructor({ outcome }: HandleDataExchangeResponse) {
    this.outcome = outcome?.$case;
    this.screen = outcome?.$case === 'nextScreen' ? outcome.value.screen : undefined;
    this.data = (outcome?.$case === 'nextScreen' ? outcome.value.data : undefined) ?? {};
    this.errorMessage = outcome && 'errorMessage' in outcome.value ? outcome.value.errorMessage : '';
    this.params = outcome?.$case === 'completion' ? outcome.value.params : undefined;
  }

  get reference(): string {
    return String(this.params?.['reference']);
  }

  /** Id of the first item of a dropdown; undefined where it is empty. */
  first(dropdown: string): string | undefined {
    return (this.data[dropdown] as { id: string }[] | undefined)?.[0]?.id;
  }

  asksAgain(screen: string, text: string): void {
    assert.equal(this.screen, screen);
    assert.ok(this.errorMessage.includes(text), this.errorMessage);
  }
}

export class User {
  readonly #exchange: Exchange;
  readonly #flowToken: string;

  constructor(exchange: Exchange, flowToken: string) {
    this.#exchange = exchange;
    this.#flowToken = flowToken;
  }

  init(): Promise<Answer> {
    return this.#send({ action: Action.ACTION_INIT });
  }

  back(screen: string): Promise<Answer> {
    return this.#send({ action: Action.ACTION_BACK, screen });
  }

  submit(screen: string, data: Form): Promise<Answer> {
    return this.#send({ action: Action.ACTION_DATA_EXCHANGE, screen, data });
  }

  /** Chooses up to the first free time, like a user without a preference: the payload of the next screens. */
  async choose(place: Form = { department: 'home', location: 'kings_cross' }): Promise<Form> {
    const dates = await this.submit('APPOINTMENT', { trigger: 'location_selected', ...place });
    const chosen = { ...place, date: dates.first('date') };
    const times = await this.submit('APPOINTMENT', { trigger: 'date_selected', ...chosen });
    return { ...chosen, time: times.first('time') };
  }

  async #send(fields: Partial<HandleDataExchangeRequest>): Promise<Answer> {
    return new Answer(await this.#exchange(request({ flowToken: this.#flowToken, ...fields })));
  }
}

/** Anything that talks to one shop, in this process. */
export function users(bookings = new Memory()): (flowToken: string) => User {
  const shop = new Appointments(bookings);
  const exchange: Exchange = (request) => shop.dataExchange(request, new AbortController().signal);
  return (flowToken) => new User(exchange, flowToken);
}

export function withDetails(chosen: Form, name: string): Form {
  return { ...chosen, name, email: 'ada@example.com', phone: '+44 20 7946 0000', more_details: '', terms: true };
}

export function request(fields: Partial<HandleDataExchangeRequest>): HandleDataExchangeRequest {
  return HandleDataExchangeRequest.create({ endpoint: 'appointments', requestId: 'request-1', ...fields });
}
