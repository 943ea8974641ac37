//! `flowctl bench`: sealed and signed load, and whether the platform would be content with the answers.
//!
//! Requests are sealed before the first is sent. With a rate the load is an open loop: each request has its time, which does not
//! wait for the answers before it, and its latency counts from there. Without one, each connection sends as fast as it is answered.

mod connection;
mod load;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use bytes::Bytes;
use clap::Args;
use flow_wire::client::{self as wire, SealedRequest};
use flow_wire::keys;
use reqwest::Url;
use serde_json::Value;

use self::connection::{Peer, Request};
use self::load::Plan;
use self::report::Report;
use crate::client::{self, Object, fresh_flow_token};
use crate::endpoint::{self, Access, Endpoint};
use crate::{files, tls};

/// Memory that the sealed requests may take.
const MAX_MEMORY: usize = 4 << 30;

#[derive(Debug, Args)]
#[command(after_help = "\
Every request is an INIT, or a ping by --ping-share; with --data or --payload each INIT becomes a data_exchange of the screen in \
--screen. The exit code is 0 where the platform would be content: p90 under 1 s and fewer than 5 % of the answers other than 200, \
and every sampled answer opens.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    endpoint: Endpoint,
    /// Requests a second, each sent at its time [default: each connection as fast as it is answered].
    #[arg(long, value_parser = positive)]
    rate: Option<f64>,
    /// How many requests count.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    requests: usize,
    /// How many are sent before them and do not count.
    #[arg(long, value_name = "N", default_value_t = 500)]
    warm_up: usize,
    /// How many connections.
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..))]
    connections: u16,
    /// Speak HTTP/2, with so many requests at a time on each connection [default: HTTP/1.1].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    http2: Option<u16>,
    /// Share of the requests that are pings, from 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    ping_share: f64,
    /// The form of each data_exchange: a JSON object.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Bytes that a field `text` adds to the form of each data_exchange.
    #[arg(long, value_name = "BYTES")]
    payload: Option<usize>,
    /// The screen that a data_exchange submits.
    #[arg(long, value_name = "NAME", default_value = "BENCH")]
    screen: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    File(#[from] files::Error),
    #[error(transparent)]
    Endpoint(#[from] endpoint::Error),
    #[error("{}: should be a JSON object, the form of a screen: {source}", file.display())]
    Data { file: PathBuf, source: serde_json::Error },
    #[error(transparent)]
    Seal(#[from] keys::Error),
    #[error(transparent)]
    Peer(#[from] connection::Error),
    #[error(
        "{requests} sealed requests of {bytes} bytes take more than 4 GiB of memory; ask for fewer or smaller ones"
    )]
    Memory { requests: usize, bytes: usize },
    #[error("cannot start: {0}")]
    Start(std::io::Error),
    #[error("cannot print: {0}")]
    Print(std::io::Error),
}

impl Error {
    /// Whether it is the command line that makes no sense.
    pub(crate) fn is_usage(&self) -> bool {
        matches!(self, Self::Endpoint(error) if error.is_usage())
    }
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    let Access { url, trusted, public_key, app_secret } = arguments.endpoint.open()?;
    let target = arguments.target(&url);
    let peer = Peer::new(&url, trusted, arguments.http2.is_some())?;
    let mix = Mix::new(&arguments)?;
    let (requests, sealed) = prepare(&arguments, &mix, &wire::Client::new(public_key, app_secret))?;

    let runtime = tokio::runtime::Runtime::new().map_err(Error::Start)?;
    let plan = Plan {
        requests,
        warm_up: arguments.warm_up,
        rate: arguments.rate,
        connections: arguments.connections.into(),
        streams: arguments.http2.unwrap_or(1).into(),
    };
    let named = peer.named.clone();
    let tally = runtime.block_on(load::run(plan, peer));
    if tally.answers.is_empty()
        && let Some(words) = runtime.block_on(tls::explain_plain(&named))
    {
        eprintln!("{words}.");
    }
    let opened = tally.samples.iter().filter(|sample| is_sealed_answer(&sealed[sample.request], &sample.body)).count();
    let report = Report::new(target, arguments.requests, arguments.rate, &tally, opened);
    report.print(arguments.json).map_err(Error::Print)?;
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Arguments {
    /// What is asked, and how, for people.
    fn target(&self, url: &Url) -> String {
        let protocol = self.http2.map_or("HTTP/1.1".to_owned(), |streams| format!("HTTP/2 with {streams} streams"));
        format!("{url}, {} connections of {protocol}", self.connections)
    }
}

/// Seals and signs everything, on every processor there is.
fn prepare(
    arguments: &Arguments,
    mix: &Mix,
    client: &wire::Client,
) -> Result<(Vec<Request>, Vec<SealedRequest>), Error> {
    let total = arguments.warm_up + arguments.requests;
    let first = client.request(mix.plaintext(client, 0))?;
    let bytes = first.body.len();
    if total.saturating_mul(bytes + 1024) > MAX_MEMORY {
        return Err(Error::Memory { requests: total, bytes });
    }
    eprintln!("sealing {total} requests of {bytes} bytes");
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let share = total.div_ceil(threads);
    let seal = |thread: usize| {
        let indices = thread * share..total.min((thread + 1) * share);
        indices.map(|index| client.request(mix.plaintext(client, index))).collect::<Result<Vec<_>, _>>()
    };
    let sealed = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|thread| scope.spawn(move || seal(thread))).collect();
        let sealed = workers.into_iter().map(|worker| worker.join().unwrap_or(Err(keys::Error::Encrypt)));
        sealed.collect::<Result<Vec<_>, _>>()
    })?;
    let mut sealed: Vec<_> = sealed.into_iter().flatten().collect();
    let take = |request: &mut SealedRequest| Request {
        body: Bytes::from(std::mem::take(&mut request.body)),
        signature: request.signature.clone(),
    };
    let requests = sealed.iter_mut().map(take).collect();
    Ok((requests, sealed))
}

/// What is asked.
struct Mix {
    ping_share: f64,
    /// What is neither a ping nor an INIT.
    submission: Option<Object>,
}

impl Mix {
    fn new(arguments: &Arguments) -> Result<Self, Error> {
        let form = |file: &PathBuf| {
            serde_json::from_str::<Object>(&files::read_text(file)?)
                .map_err(|source| Error::Data { file: file.clone(), source })
        };
        let mut form = arguments.data.as_ref().map(form).transpose()?;
        if let Some(bytes) = arguments.payload {
            form.get_or_insert_default().insert("text".to_owned(), "x".repeat(bytes).into());
        }
        let submission = form.map(|form| {
            Object::from_iter([
                ("action".to_owned(), "data_exchange".into()),
                ("screen".to_owned(), arguments.screen.as_str().into()),
                ("data".to_owned(), form.into()),
            ])
        });
        Ok(Self { ping_share: arguments.ping_share, submission })
    }

    /// The message of the request with this number.
    fn plaintext(&self, client: &wire::Client, index: usize) -> Vec<u8> {
        // Spread evenly, and the same in each run.
        let is_ping = ((index + 1) as f64 * self.ping_share).floor() > (index as f64 * self.ping_share).floor();
        let object = |fields: &[(&str, &str)]| {
            fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect::<Object>()
        };
        let request = match &self.submission {
            _ if is_ping => object(&[("version", "3.0"), ("action", "ping")]),
            Some(submission) => submission.clone(),
            None => object(&[("action", "INIT")]),
        };
        let complete = client::complete(request, &fresh_flow_token(), |token| client.sign_token(token));
        Value::Object(complete).to_string().into_bytes()
    }
}

fn is_sealed_answer(request: &SealedRequest, body: &[u8]) -> bool {
    let opened = request.open(body).ok().and_then(|plaintext| serde_json::from_slice::<Value>(&plaintext).ok());
    opened.is_some_and(|answer| answer.is_object())
}

fn positive(text: &str) -> Result<f64, &'static str> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
    number.ok_or("should be a number of requests a second, such as 500")
}

fn share(text: &str) -> Result<f64, &'static str> {
    text.parse().ok().filter(|share| (0.0..=1.0).contains(share)).ok_or("should be from 0 to 1, such as 0.2")
}
