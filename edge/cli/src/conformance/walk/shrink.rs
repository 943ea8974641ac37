//! The shortest walk that still shows a fault: moves are left out and values made plain for as long as it does.

use std::time::Instant;

use super::fault::{Fault, Kind};
use super::moves::{Move, Pick};
use super::session::{Done, Exchanged, Ground, Session};
use crate::phone::Untouched;

/// Walks that one fault is worth.
const MAX_TRIES: usize = 120;

/// A fault and the way to it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) fault: Fault,
    pub(super) moves: Vec<Move>,
    pub(super) untouched: Untouched,
    pub(super) log: Vec<Exchanged>,
}

/// Makes the moves under a fresh token; what there is to say where they end in a fault.
pub(super) async fn replay(ground: &Ground<'_>, moves: &[Move], untouched: Untouched) -> Option<Found> {
    let (mut session, opened) = Session::open(ground, untouched).await;
    let found = |fault, session: Session<'_>, moves: &[Move]| {
        Some(Found { fault, moves: moves.to_vec(), untouched, log: session.log })
    };
    if let Err(fault) = opened {
        return found(fault, session, &[]);
    }
    for (place, next) in moves.iter().enumerate() {
        let screen = session.phone.screen().map(|view| view.screen).unwrap_or_default();
        match session.make(next).await {
            Ok(Done::Blocked(blocked)) if *next == Move::GoOn => {
                let fault = Fault { action: flow_json::Action::DataExchange, screen, kind: Kind::DeadEnd(blocked) };
                return found(fault, session, &moves[..=place]);
            }
            Ok(_) => {}
            Err(fault) => return found(fault, session, &moves[..=place]),
        }
    }
    None
}

/// Tries until nothing can be left out, or time is up.
pub(super) async fn shrink(ground: &Ground<'_>, found: Found, until: Instant) -> Found {
    let key = found.fault.key();
    let mut best = found;
    let mut tries = 0;
    // Most faults stand on the straight way, with the last move or the last two.
    let moves = best.moves.clone();
    let tails = [1, 2].map(|count| &moves[moves.len().saturating_sub(count)..]);
    let straight = tails.iter().flat_map(|tail| (0..moves.len().min(5)).map(move |length| (length, *tail)));
    for (length, tail) in straight {
        if length + tail.len() >= best.moves.len() || Instant::now() >= until {
            continue;
        }
        let candidate: Vec<_> = std::iter::repeat_n(Move::GoOn, length).chain(tail.iter().cloned()).collect();
        tries += 1;
        if let Some(found) = replay(ground, &candidate, best.untouched).await.filter(|found| found.fault.key() == key) {
            best = found;
            break;
        }
    }
    let mut size = best.moves.len().div_ceil(2).max(1);
    loop {
        let mut place = 0;
        let mut is_shorter = false;
        while place < best.moves.len() {
            if tries >= MAX_TRIES || Instant::now() >= until {
                return best;
            }
            let end = (place + size).min(best.moves.len());
            let candidate: Vec<_> = [&best.moves[..place], &best.moves[end..]].concat();
            tries += 1;
            match replay(ground, &candidate, best.untouched).await.filter(|found| found.fault.key() == key) {
                Some(found) => {
                    best = found;
                    is_shorter = true;
                }
                None => place += size,
            }
        }
        if size > 1 {
            size = size.div_ceil(2);
        } else if !is_shorter {
            break;
        }
    }
    for place in 0..best.moves.len() {
        let Some(Move::Fill { field, pick }) = best.moves.get(place).cloned() else { continue };
        if pick == Pick::PLAIN || tries >= MAX_TRIES || Instant::now() >= until {
            continue;
        }
        let mut candidate = best.moves.clone();
        candidate[place] = Move::Fill { field, pick: Pick::PLAIN };
        tries += 1;
        if let Some(found) = replay(ground, &candidate, best.untouched).await.filter(|found| found.fault.key() == key) {
            best = found;
        }
    }
    best
}
