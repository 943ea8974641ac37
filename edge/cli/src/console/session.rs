//! One conversation at a time: a phone, the line to the endpoint, and all that went over it.
//!
//! It refuses to know how it is drawn and how it is served.

use std::sync::Arc;

use flow_json::{Action, Flow, Judge, Verdict};
use flow_proto::json::to_value;
use prost_types::Struct;
use serde_json::{Value, json};

use super::difference::differences;
use super::line::Line;
use super::moves::{Fault, Move};
use super::timeline::{Exchange, Outcome, Timeline};
use crate::client::{Object, fresh_flow_token};
use crate::phone::{Arrival, Arrived, Effect, Ending, Failure, Outgoing, Phone, Untouched, View, What};
use crate::screens::judge;
use crate::status;

/// As most clients do.
const UNTOUCHED: Untouched = Untouched::LeftOut;

/// A console's conversation.
#[derive(Debug)]
pub(crate) struct Session {
    flow: Arc<Flow>,
    judge: Arc<Judge>,
    line: Line,
    /// None before the first message was opened.
    phone: Option<Phone>,
    flow_token: String,
    pub(crate) timeline: Timeline,
    /// What was done since the message was opened, with the first exchange that each step made.
    steps: Vec<Step>,
    armed: Option<(Fault, Option<u64>)>,
    /// Why the user sees that something went wrong.
    failure: Option<String>,
    /// What a tap would have opened.
    opened: Option<String>,
    /// Why the last thing that the user did came to nothing.
    refused: Option<String>,
    /// The user closed the flow, which is none of its own ends.
    is_closed: bool,
}

#[derive(Debug, Clone)]
struct Step {
    what: Move,
    exchanges: Vec<usize>,
}

/// What there is to draw of a phone.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) view: Option<View>,
    pub(crate) ending: Option<Ending>,
    pub(crate) failure: Option<String>,
    pub(crate) opened: Option<String>,
    pub(crate) refused: Option<String>,
    pub(crate) is_closed: bool,
}

impl Session {
    /// Nothing is asked before [`Session::act`] says so.
    pub(crate) fn new(flow: Arc<Flow>, line: Line) -> Self {
        let judge = Arc::new(Judge::new([&*flow]));
        Self {
            flow,
            judge,
            line,
            phone: None,
            flow_token: fresh_flow_token(),
            timeline: Timeline::default(),
            steps: Vec::new(),
            armed: None,
            failure: None,
            opened: None,
            refused: None,
            is_closed: false,
        }
    }

    pub(crate) fn flow(&self) -> &Arc<Flow> {
        &self.flow
    }

    pub(crate) fn line(&self) -> &Line {
        &self.line
    }

    pub(crate) fn shown(&self) -> Shown {
        Shown {
            view: self.phone.as_ref().and_then(Phone::screen),
            ending: self.phone.as_ref().and_then(|phone| phone.ending().cloned()),
            failure: self.failure.clone(),
            opened: self.opened.clone(),
            refused: self.refused.clone(),
            is_closed: self.is_closed,
        }
    }

    /// What this message's conversation came to, in order; what went wrong on purpose is not among it.
    pub(crate) fn conversation(&self) -> Vec<&Exchange> {
        let numbers = self.steps.iter().flat_map(|step| &step.exchanges);
        numbers.filter_map(|number| self.timeline.get(*number)).filter(|exchange| exchange.fault.is_none()).collect()
    }

    /// Takes over a changed file; the phone stays where it is, where that still exists.
    pub(crate) fn renew(&mut self, flow: Arc<Flow>) {
        self.judge = Arc::new(Judge::new([&*flow]));
        self.flow = flow;
        if let Some(phone) = &mut self.phone {
            phone.renew(Arc::clone(&self.flow), Arc::clone(&self.judge));
        }
    }

    /// Does what the user does. The numbers of the exchanges that came of it.
    pub(crate) async fn act(&mut self, what: Move) -> Vec<usize> {
        (self.refused, self.opened) = (None, None);
        match what {
            Move::Restart => {
                self.flow_token = fresh_flow_token();
                self.open(Move::Restart).await
            }
            Move::Reopen => self.open(Move::Reopen).await,
            Move::Close => {
                if let Some(phone) = &mut self.phone {
                    // What had ended before stays as it ended.
                    self.is_closed |= phone.ending().is_none();
                    phone.close();
                    self.failure = None;
                }
                Vec::new()
            }
            Move::Fault { name: Fault::ErrorNotification, .. } => self.notify().await,
            Move::Fault { name, seconds } => {
                self.armed = Some((name, seconds));
                Vec::new()
            }
            Move::Send { request } => {
                let mut exchange = self.exchange(request).await;
                exchange.verdicts = self.verdicts(&exchange);
                vec![self.timeline.add(exchange).number]
            }
            Move::BackTo { number } => self.back_to(number).await,
            what => self.step(what).await,
        }
    }

    /// Opens a message at its beginning.
    async fn open(&mut self, what: Move) -> Vec<usize> {
        self.steps.clear();
        self.failure = None;
        self.is_closed = false;
        let (flow, judge) = (Arc::clone(&self.flow), Arc::clone(&self.judge));
        let begun = if flow.has_endpoint() {
            let (phone, init) = Phone::ask(flow, judge, UNTOUCHED);
            Ok((phone, Effect::Send(init)))
        } else {
            Phone::open(flow, judge, None, None, UNTOUCHED).map(|phone| (phone, Effect::Local))
        };
        match begun {
            Ok((phone, effect)) => {
                self.phone = Some(phone);
                self.come_of(what, Ok(effect)).await
            }
            Err(error) => self.come_of(what, Err(error.to_string())).await,
        }
    }

    async fn step(&mut self, what: Move) -> Vec<usize> {
        let Some(phone) = &mut self.phone else { return Vec::new() };
        let effect = match &what {
            Move::Fill { field, value } => phone.fill(field, to_value(value.clone())),
            Move::Pick { field, names } => phone.fill(field, to_value(stand_ins(names))),
            Move::Tap { id, item } => phone.tap(id, item.as_deref()),
            Move::Back => phone.back(),
            Move::Retry => match phone.retry() {
                Some(outgoing) => Ok(Effect::Send(outgoing)),
                None => Ok(Effect::Local),
            },
            // The others are no steps.
            _ => Ok(Effect::Local),
        };
        self.come_of(what, effect.map_err(|error| error.to_string())).await
    }

    async fn come_of(&mut self, what: Move, effect: Result<Effect, String>) -> Vec<usize> {
        let exchanges = match effect {
            Ok(Effect::Send(outgoing)) => self.send(outgoing).await,
            Ok(Effect::OpenUrl(url)) => {
                self.opened = Some(url);
                Vec::new()
            }
            Ok(Effect::Local | Effect::Completed(_)) => Vec::new(),
            Err(why) => {
                self.refused = Some(why);
                return Vec::new();
            }
        };
        self.steps.push(Step { what, exchanges: exchanges.clone() });
        exchanges
    }

    /// Sends what the phone wants sent, until there is nothing more to send.
    async fn send(&mut self, outgoing: Outgoing) -> Vec<usize> {
        let mut numbers = Vec::new();
        let mut message = outgoing.to_message();
        self.failure = None;
        loop {
            let mut exchange = self.exchange(message).await;
            let Some(phone) = &mut self.phone else { return numbers };
            let Arrived { what, verdicts } = phone.arrive(arrival(&exchange.outcome));
            exchange.verdicts = verdicts;
            numbers.push(self.timeline.add(exchange).number);
            match what {
                What::Repeat(again) => message = again.to_message(),
                What::Refused { notification, why } => {
                    self.failure = Some(why);
                    let exchange = self.exchange(notification).await;
                    numbers.push(self.timeline.add(exchange).number);
                    return numbers;
                }
                What::Failed(failure) => {
                    self.failure = Some(words(failure));
                    return numbers;
                }
                What::Shown | What::Ended | What::Unasked => return numbers,
            }
        }
    }

    async fn exchange(&mut self, mut message: Object) -> Exchange {
        let fault = self.armed.take();
        // A flow of 3.0 signs no token; one that names no version is as the client's newest.
        if let Some(version) = self.flow.data_api_version.as_ref().filter(|version| version.text == "3.0") {
            message.entry("version").or_insert_with(|| version.text.clone().into());
        }
        self.line.exchange(message, &self.flow_token, fault).await
    }

    /// The client says that it could not use the last answer.
    async fn notify(&mut self) -> Vec<usize> {
        let screen = self.shown().view.map(|view| view.screen).unwrap_or_default();
        let asked = Outgoing { action: Action::DataExchange, screen, data: Struct::default() };
        let mut exchange = self.exchange(asked.notification("payload-schema-error", "said by the console")).await;
        exchange.fault = Some(Fault::ErrorNotification.words());
        vec![self.timeline.add(exchange).number]
    }

    /// Plays the steps up to this exchange again under a token of their own, and marks what is different.
    async fn back_to(&mut self, number: usize) -> Vec<usize> {
        let Some(last) = self.steps.iter().position(|step| step.exchanges.contains(&number)) else {
            self.refused = Some("the exchange is none of this conversation's".to_owned());
            return Vec::new();
        };
        let steps: Vec<Step> = self.steps[..=last].to_vec();
        self.flow_token = fresh_flow_token();
        self.armed = None;
        let mut all = Vec::new();
        for step in steps {
            let exchanges = match step.what {
                Move::Restart | Move::Reopen => self.open(Move::Restart).await,
                what => self.step(what).await,
            };
            for (place, number) in exchanges.iter().enumerate() {
                let before = step.exchanges.get(place).and_then(|before| self.timeline.get(*before)).cloned();
                if let Some(before) = before {
                    self.timeline.mark(*number, |exchange| differences(&before, exchange));
                }
            }
            all.extend(exchanges);
            if self.refused.is_some() {
                return all;
            }
        }
        all
    }

    /// What a phone would say of an answer that none asked for.
    fn verdicts(&self, exchange: &Exchange) -> Vec<Verdict> {
        match &exchange.outcome {
            Outcome::Answered { status: 200, body: Some(body), .. } => judge(&self.judge, &exchange.request, body),
            _ => Vec::new(),
        }
    }
}

/// What a user would see, and what only a developer is told.
fn words(failure: Failure) -> String {
    match failure {
        Failure::Status(status) => format!("status {status}: {}", status::explain(status)),
        Failure::TimedOut => "no answer in time".to_owned(),
        Failure::Broken => "no answer that opens".to_owned(),
    }
}

fn arrival(outcome: &Outcome) -> Arrival<'_> {
    match outcome {
        Outcome::Answered { status, body, .. } => Arrival::Answer { status: *status, body: body.as_ref() },
        Outcome::NoAnswer(_) => Arrival::Broken,
    }
}

/// What a form holds of picked files. Their bytes go nowhere.
fn stand_ins(names: &[String]) -> Value {
    let hash = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    let key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let file = |(place, name): (usize, &String)| {
        json!({
            "media_id": format!("{}", 790_000_000_000_000_usize + place),
            "cdn_url": format!("https://mmg.whatsapp.net/v/stand-in-{place}"),
            "file_name": name,
            "encryption_metadata": {
                "encrypted_hash": hash,
                "iv": "AAAAAAAAAAAAAAAAAAAAAA==",
                "encryption_key": key,
                "hmac_key": key,
                "plaintext_hash": hash,
            },
        })
    };
    names.iter().enumerate().map(file).collect()
}
