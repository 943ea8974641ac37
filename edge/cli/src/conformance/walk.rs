//! `conformance --flow`: walks through a flow as users would, at random from a seed, on a phone without a window.
//!
//! Every answer is held against the Flow JSON as a phone does. What goes wrong is shrunk to the shortest walk that still shows
//! it. It refuses to know any flow in particular.

mod conversation;
mod coverage;
mod entries;
mod fault;
mod moves;
mod sample;
mod session;
mod shrink;
mod user;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use flow_json::{Action, Flow, Judge, Severity};
use serde_json::{Value, json};

use self::coverage::Coverage;
use self::fault::{Fault, Kind, Warning};
use self::moves::Move;
use self::session::{Done, Ground, Session};
use self::shrink::Found;
use self::user::User;
use super::logic::Service;
use super::report::Entry;
use crate::files;

/// More different faults than anybody mends at once.
const MAX_FOUND: usize = 6;
const MORE_WALKS: usize = 10;
/// Nobody does so much in one conversation.
const MAX_MOVES: usize = 80;
/// What may be spent on the shortest walk to one fault.
const SHRINKING: Duration = Duration::from_secs(10);

#[derive(Debug, Args)]
pub(crate) struct Walk {
    /// Walk through this flow as well, as users would, at random, and hold every answer against its Flow JSON.
    #[arg(long, value_name = "FILE", requires = "logic", conflicts_with = "edge")]
    flow: Option<PathBuf>,
    /// How many walks, at the most.
    #[arg(long, value_name = "N", default_value_t = 80, requires = "flow")]
    walks: usize,
    /// How long to walk, at the most, in seconds; each failure takes a few more.
    #[arg(long, value_name = "S", default_value_t = 10, requires = "flow")]
    seconds: u64,
    /// Walk as a run did that printed this seed.
    #[arg(long, value_name = "N", requires = "flow")]
    seed: Option<u64>,
}

/// Why there is nothing to walk through.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    File(#[from] files::Error),
    #[error(
        "{file}: {count} that the platform refuses, so no phone opens it: `flowctl flow check {file}` says what",
        file = file.display(),
        count = if *count == 1 { "1 mistake".to_owned() } else { format!("{count} mistakes") }
    )]
    Findings { file: PathBuf, count: usize },
    #[error("{}: without `data_api_version` no endpoint answers this flow, so there is nothing to walk with --logic", file.display())]
    NoEndpoint { file: PathBuf },
    #[error("{}: the flow could not be read", file.display())]
    NoFlow { file: PathBuf },
}

/// A flow, and how to walk through it.
#[derive(Debug)]
pub(super) struct Plan {
    flow: Arc<Flow>,
    walks: usize,
    limit: Duration,
    seed: u64,
}

/// What all the walks came to.
#[derive(Debug)]
pub(super) struct Walked {
    pub(super) entries: Vec<Entry>,
    /// What there is to say of all of them, for people.
    pub(super) words: String,
    /// The same for programs.
    pub(super) json: Value,
}

impl Walk {
    /// Reads the file; `None` where the command line names none.
    pub(super) fn plan(&self) -> Result<Option<Plan>, Error> {
        let Some(file) = &self.flow else { return Ok(None) };
        let flow = read(file)?;
        let seed = self.seed.unwrap_or_else(|| u64::from(fastrand::u32(..)));
        Ok(Some(Plan { flow: Arc::new(flow), walks: self.walks, limit: Duration::from_secs(self.seconds), seed }))
    }
}

fn read(file: &Path) -> Result<Flow, Error> {
    let checked = flow_json::check(&files::read_text(file)?);
    let file = file.to_owned();
    let count = checked.findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    if count > 0 {
        return Err(Error::Findings { file, count });
    }
    let Some(flow) = checked.flow else { return Err(Error::NoFlow { file }) };
    if flow.has_endpoint() { Ok(flow) } else { Err(Error::NoEndpoint { file }) }
}

impl Plan {
    /// The names of the cases that it makes.
    pub(super) fn names(&self) -> Vec<String> {
        entries::names(&self.flow)
    }

    pub(super) async fn walk(&self, service: &Service) -> Walked {
        let started = Instant::now();
        let judge = Arc::new(Judge::new([&*self.flow]));
        let ground = Ground { service, flow: Arc::clone(&self.flow), judge };
        let mut seen = Seen::default();
        // Once something is found, a few walks more tell whether there is something else.
        let mut most = self.walks;
        while seen.walks < most && started.elapsed() < self.limit && seen.found.len() < MAX_FOUND {
            let before = seen.found.len();
            one(&ground, self.seed, started + self.limit, &mut seen).await;
            seen.walks += 1;
            if seen.found.len() > before {
                most = most.min(seen.walks + MORE_WALKS);
            }
        }
        let dead_ends = std::mem::take(&mut seen.dead_ends);
        let is_dead = |screen: &String| !seen.coverage.left.contains(screen);
        seen.found.extend(dead_ends.into_iter().filter(|(screen, _)| is_dead(screen)).map(|(_, found)| found));
        let time = started.elapsed();
        let mut found = Vec::new();
        for fault in seen.found {
            found.push(shrink::shrink(&ground, fault, Instant::now() + SHRINKING).await);
        }
        let routes = coverage::routes(&self.flow);
        let reached = |is: bool| -> (Vec<String>, Vec<String>) {
            let screens = self.flow.screens.iter().map(|screen| screen.id.text.clone());
            let screens = screens.filter(|id| seen.coverage.screens.contains(id) == is).collect();
            let routes = routes.iter().filter(|route| seen.coverage.routes.contains(route) == is);
            (screens, routes.map(|(from, to)| format!("{from}->{to}")).collect())
        };
        let ((screens, ways), (no_screens, no_ways)) = (reached(true), reached(false));
        let list = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let words = format!(
            "{} walks of seed {}, {} exchanges, {:.1} s\nreached: {}; {}\nnot reached: {}; {}",
            seen.walks,
            self.seed,
            seen.exchanges,
            time.as_secs_f64(),
            list(&screens),
            list(&ways),
            list(&no_screens),
            list(&no_ways),
        );
        let json = json!({
            "seed": self.seed,
            "walks": seen.walks,
            "exchanges": seen.exchanges,
            "time_ms": time.as_secs_f64() * 1000.0,
            "reached": {"screens": screens, "routes": ways},
            "not_reached": {"screens": no_screens, "routes": no_ways},
        });
        let entries = entries::entries(&self.flow, &seen.coverage, &found, &seen.warnings, time);
        Walked { entries, words, json }
    }
}

/// What the walks have seen so far.
#[derive(Debug, Default)]
struct Seen {
    walks: usize,
    exchanges: usize,
    coverage: Coverage,
    warnings: BTreeSet<Warning>,
    /// Each fault once, with the first walk that showed it.
    found: Vec<Found>,
    /// Screens from which a walk could not go on. Whether one is a dead end only all of them together say.
    dead_ends: BTreeMap<String, Found>,
}

async fn one(ground: &Ground<'_>, seed: u64, until: Instant, seen: &mut Seen) {
    let mut user = User::new(seed, seen.walks);
    let untouched = User::untouched(seen.walks);
    let (mut session, opened) = Session::open(ground, untouched).await;
    let mut moves = Vec::new();
    let mut fault = opened.err();
    while fault.is_none() && moves.len() < MAX_MOVES && Instant::now() < until {
        let view = session.phone.screen();
        let next = match &view {
            Some(view) => user.next(view, &seen.coverage),
            None if session.has_ended() => user.after_the_end(),
            None => None,
        };
        let Some(next) = next else { break };
        moves.push(next.clone());
        let screen = view.as_ref().map(|view| view.screen.clone()).unwrap_or_default();
        if let Move::Tap { id, .. } = &next {
            seen.coverage.tapped.insert((screen.clone(), id.clone()));
        }
        let leads_on = match &next {
            Move::GoOn => true,
            Move::Tap { .. } => view.as_ref().is_some_and(|view| view.footer().is_none()),
            _ => false,
        };
        match session.make(&next).await {
            Ok(Done::Moved) if leads_on => {
                seen.coverage.left.insert(screen);
            }
            Ok(Done::Blocked(blocked)) if next == Move::GoOn && !seen.dead_ends.contains_key(&screen) => {
                let kind = Kind::DeadEnd(blocked);
                let fault = Fault { action: Action::DataExchange, screen: screen.clone(), kind };
                let found = Found { fault, moves: moves.clone(), untouched, log: session.log.clone() };
                seen.dead_ends.insert(screen, found);
            }
            Ok(_) => {}
            Err(error) => fault = Some(error),
        }
    }
    seen.coverage.add(&session.steps);
    seen.exchanges += session.log.len();
    seen.warnings.append(&mut session.warnings);
    if let Some(fault) = fault
        && !seen.found.iter().any(|found| found.fault.key() == fault.key())
    {
        seen.found.push(Found { fault, moves, untouched, log: session.log });
    }
}
