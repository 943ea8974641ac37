//! A user at random: what is done next, from what is on the screen.
//!
//! It refuses to know what an answer was, but for what the screen shows of it.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;

use super::coverage::Coverage;
use super::moves::{Edge, Move, Pick};
use crate::phone::{Shown, Untouched, View};

/// Corrections of one field, and of one screen, before the user gives up.
const PATIENCE: usize = 3;

/// How somebody uses a flow; each number is out of 100.
#[derive(Debug, Clone, Copy)]
pub(super) struct Habit {
    edges: usize,
    /// The only edge that is used, where there is one.
    edge: Option<Edge>,
    leaves_out: usize,
    back: usize,
    wanders: usize,
    loses: usize,
    reopens: usize,
    others: usize,
}

const PLAIN: Habit =
    Habit { edges: 0, edge: None, leaves_out: 0, back: 0, wanders: 0, loses: 0, reopens: 0, others: 0 };

/// The first walks each try one thing everywhere; those after them a little of all.
const HABITS: [Habit; 13] = [
    PLAIN,
    Habit { leaves_out: 100, ..PLAIN },
    Habit { back: 60, ..PLAIN },
    Habit { wanders: 80, ..PLAIN },
    Habit { edges: 60, edge: Some(Edge::Longest), ..PLAIN },
    Habit { loses: 60, ..PLAIN },
    Habit { edges: 60, edge: Some(Edge::Shortest), ..PLAIN },
    Habit { reopens: 25, ..PLAIN },
    Habit { edges: 60, edge: Some(Edge::Unusual), ..PLAIN },
    Habit { edges: 60, edge: Some(Edge::Odd), ..PLAIN },
    Habit { leaves_out: 100, back: 30, wanders: 20, ..PLAIN },
    Habit { others: 40, ..PLAIN },
    Habit { edges: 60, edge: Some(Edge::Padded), ..PLAIN },
];

const MIXED: Habit =
    Habit { edges: 30, edge: None, leaves_out: 40, back: 10, wanders: 15, loses: 8, reopens: 4, others: 4 };

/// One user in one conversation.
#[derive(Debug)]
pub(super) struct User {
    rng: Rng,
    habit: Habit,
    screen: String,
    /// Fields that were thought of since the screen came.
    considered: BTreeSet<String>,
    corrected: BTreeMap<String, usize>,
    /// The same screen came back with something to mend.
    is_careful: bool,
    mended: usize,
    has_reopened: bool,
    lost: bool,
    /// How often each screen was seen to the end without a way on.
    pub(super) stuck: usize,
}

impl User {
    pub(super) fn new(seed: u64, walk: usize) -> Self {
        let mut rng = Rng::with_seed(seed.wrapping_add((walk as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        // The first numbers of neighbouring seeds are alike.
        for _ in 0..8 {
            rng.u64(..);
        }
        Self {
            rng,
            habit: HABITS.get(walk).copied().unwrap_or(MIXED),
            screen: String::new(),
            considered: BTreeSet::new(),
            corrected: BTreeMap::new(),
            is_careful: false,
            mended: 0,
            has_reopened: false,
            lost: false,
            stuck: 0,
        }
    }

    /// What the phone sends for a field that nobody touched.
    pub(super) fn untouched(walk: usize) -> Untouched {
        if walk % 2 == 1 { Untouched::LeftOut } else { Untouched::Empty }
    }

    fn happens(&mut self, of_100: usize) -> bool {
        self.rng.usize(..100) < of_100
    }

    /// After the end: some open the message once more.
    pub(super) fn after_the_end(&mut self) -> Option<Move> {
        let reopens = !self.has_reopened && (self.habit.reopens > 0 || self.happens(20));
        self.has_reopened = true;
        self.screen.clear();
        reopens.then_some(Move::Reopen)
    }

    /// `None` where the user has had enough.
    pub(super) fn next(&mut self, view: &View, coverage: &Coverage) -> Option<Move> {
        if self.screen != view.screen {
            self.screen.clone_from(&view.screen);
            self.considered.clear();
            self.corrected.clear();
            (self.is_careful, self.mended) = (false, 0);
        }
        if !self.lost && self.happens(self.habit.loses) {
            self.lost = true;
            return Some(Move::LoseNext);
        }
        self.lost = false;
        if !self.has_reopened && self.happens(self.habit.reopens) {
            self.has_reopened = true;
            return Some(Move::Reopen);
        }
        if self.happens(self.habit.others) {
            return Some(Move::Other);
        }
        if let Some(fill) = self.fill(view) {
            return Some(fill);
        }
        self.go(view, coverage)
    }

    /// The next field that was not thought of.
    fn fill(&mut self, view: &View) -> Option<Move> {
        for shown in &view.components {
            let Some(field) = shown.field.as_ref().filter(|field| field.is_enabled) else { continue };
            // It may be offered something later.
            if field.is_choice() && !field.options().iter().any(|option| option.is_enabled) {
                continue;
            }
            if !self.considered.insert(field.name.clone()) {
                continue;
            }
            let is_kept = shown.value.is_some() && !self.is_careful && self.happens(60);
            if is_kept || (!field.is_required && self.happens(self.habit.leaves_out)) {
                continue;
            }
            let pick = self.pick();
            return Some(Move::Fill { field: field.name.clone(), pick });
        }
        None
    }

    fn pick(&mut self) -> Pick {
        let at = self.rng.usize(..8);
        if self.is_careful || !self.happens(self.habit.edges) {
            return Pick { edge: Edge::Typical, at };
        }
        let edge = self.habit.edge.unwrap_or_else(|| Edge::ALL[self.rng.usize(..Edge::ALL.len())]);
        Pick { edge, at }
    }

    /// All fields were thought of.
    fn go(&mut self, view: &View, coverage: &Coverage) -> Option<Move> {
        if view.message.is_some() && !self.is_careful {
            self.is_careful = true;
            self.considered.clear();
        }
        if view.can_go_back && self.happens(self.habit.back) {
            return Some(Move::Back);
        }
        if self.happens(self.habit.wanders)
            && let Some(wander) = self.wander(view, coverage)
        {
            return Some(wander);
        }
        self.mended += 1;
        if self.mended > 2 * PATIENCE {
            self.stuck += 1;
            return (view.can_go_back && self.stuck < PATIENCE).then_some(Move::Back);
        }
        if view.footer().is_none() {
            let wander = self.wander(view, coverage);
            return wander.or(Some(if view.can_go_back { Move::Back } else { Move::GoOn }));
        }
        // Some correct what is in the way by themselves; the rest is the same by GoOn.
        let in_the_way = view.components.iter().find(|shown| {
            shown.problem.is_some()
                && shown.field.as_ref().is_some_and(|field| field.is_enabled && !field.options().is_empty())
        });
        if let Some(field) = in_the_way.and_then(|shown| shown.field.as_ref()) {
            let corrected = self.corrected.entry(field.name.clone()).or_default();
            *corrected += 1;
            if *corrected <= PATIENCE {
                let pick = Pick { edge: Edge::Typical, at: self.rng.usize(..8) };
                return Some(Move::Fill { field: field.name.clone(), pick });
            }
        }
        Some(Move::GoOn)
    }

    /// Something other than the Footer: first what nobody has tried.
    fn wander(&mut self, view: &View, coverage: &Coverage) -> Option<Move> {
        let is_other = |shown: &&Shown| {
            shown.kind != flow_json::Kind::Footer
                && shown.is_enabled
                && (shown.tap.is_some() || shown.items.iter().any(|item| shown.tap_of(item).is_some()))
        };
        let others: Vec<_> = view.components.iter().filter(is_other).collect();
        let is_new = |shown: &&&Shown| !coverage.tapped.contains(&(view.screen.clone(), shown.id.clone()));
        let chosen = others.iter().find(is_new).copied();
        let chosen = chosen.or_else(|| others.get(self.rng.usize(..others.len().max(1))).copied())?;
        let item = (!chosen.items.is_empty()).then(|| self.rng.usize(..chosen.items.len()));
        Some(Move::Tap { id: chosen.id.clone(), item })
    }
}
