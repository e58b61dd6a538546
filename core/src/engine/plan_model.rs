//! Property tests of the plan: histories of runs that break off anywhere, on a model of a workspace and its
//! sinks.
//!
//! The model knows the truth, which credential each sink holds; the plan sees only what a service and a sink
//! would tell.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::action::Action;
use super::observe::{Known, Observed, SinkSeen, Standing};
use super::plan::{Asked, Decision, LEASE, Plan, plan, superseded, to_note};
use crate::config::{Adopt, Policy, Scopes};
use crate::model::{CredentialKind, Span, Timestamp};
use crate::sink::{SinkState, Written};

/// The lease, in milliseconds.
const LEASED: i64 = 600_000;

const DAY: i64 = 86_400_000;

/// How long a credential of the model lives, in milliseconds.
const LIFETIME: i64 = 90 * DAY;

#[derive(Debug, Clone)]
struct Token {
    id: String,
    created: i64,
    expires: i64,
    active: bool,
    superseded: bool,
}

/// Names what a sink can tell of itself.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Tells {
    Date,
    Id,
    /// The date of something larger, which others edit too.
    Whole,
    Nothing,
}

#[derive(Debug, Clone)]
struct Place {
    tells: Tells,
    holds: Option<(String, i64)>,
    /// How far its clock is ahead of the workspace's, in milliseconds.
    ahead: i64,
    /// When somebody last edited what else it dates.
    edited: i64,
}

#[derive(Debug)]
struct Model {
    now: i64,
    tokens: Vec<Token>,
    places: Vec<Place>,
    policy: Policy,
    can_mark: bool,
    made: usize,
}

/// Describes one run of a history.
#[derive(Debug, Clone)]
struct Run {
    /// How long after the one before it begins, in milliseconds.
    after: i64,
    force: bool,
    /// After how many of its effects it breaks off.
    effects: usize,
    /// Whether the place at which it breaks off is written all the same.
    lost: bool,
    /// How long before it somebody edits what else the places date, in milliseconds.
    edited: Option<i64>,
}

impl Model {
    fn observed(&self) -> Observed {
        let known = self.tokens.iter().filter(|t| t.expires > self.now).map(|t| self.known(t)).collect();
        let sinks = self
            .places
            .iter()
            .enumerate()
            .map(|(index, place)| SinkSeen {
                label: format!("sink {index}"),
                mark: index.to_string(),
                state: SinkState {
                    written: match (&place.holds, place.tells) {
                        (_, Tells::Nothing) => Written::Unknown,
                        (None, _) => Written::Never,
                        (Some((_, at)), Tells::Whole) => {
                            Written::By(time((*at).max(place.edited) + place.ahead))
                        }
                        (Some((_, at)), _) => Written::At(time(*at + place.ahead)),
                    },
                    holds: place
                        .holds
                        .as_ref()
                        .filter(|_| place.tells == Tells::Id)
                        .map(|(id, _)| id.clone()),
                    editor: None,
                },
                versions: Vec::new(),
                lacks: None,
                error: None,
            })
            .collect();
        Observed {
            known,
            others: 0,
            ids: BTreeSet::new(),
            strays: Vec::new(),
            sinks,
            marks: self.can_mark,
            now: time(self.now),
        }
    }

    fn known(&self, token: &Token) -> Known {
        Known {
            id: token.id.clone(),
            created: time(token.created),
            expires: Some(time(token.expires)),
            standing: if token.active { Standing::Active } else { Standing::Pending },
            operation: Some(token.id.clone()),
            superseded: token.superseded,
            ..Known::made_now(time(token.created))
        }
    }

    /// Every sink that holds a credential holds a live one, unless it has expired by itself.
    fn check(&self) -> Result<(), TestCaseError> {
        for place in &self.places {
            if let Some((id, _)) = &place.holds {
                let expired = self.tokens.iter().all(|t| t.id != *id) && self.gone_by_age(id);
                prop_assert!(
                    expired || self.tokens.iter().any(|t| t.id == *id),
                    "a sink holds {id}, which was revoked: {self:?}"
                );
            }
        }
        Ok(())
    }

    fn gone_by_age(&self, id: &str) -> bool {
        let created: i64 = id.rsplit('@').next().and_then(|t| t.parse().ok()).unwrap_or(0);
        self.now >= created + LIFETIME
    }

    /// Does what the engine does, effect by effect, and stops after so many.
    fn run(&mut self, run: &Run) -> Result<(), TestCaseError> {
        let before = self.now;
        self.now += run.after;
        let now = self.now;
        if let Some(ago) = run.edited {
            self.places.iter_mut().for_each(|place| place.edited = (now - ago).max(before));
        }
        self.tokens.retain(|t| t.expires > now);
        let mut left = run.effects;
        let observed = self.observed();
        let Plan { decision, actions, .. } = self.plan(&observed, run.force);
        match decision {
            Decision::Yield { to, .. } => {
                prop_assert!(
                    time(self.now) < to.created + LEASE,
                    "only a leased credential makes a run yield"
                );
            }
            Decision::Keep(current) => {
                prop_assert!(!revoked(&actions).contains(&&current.id));
                self.carry_out(&actions, &mut left);
            }
            // Too early to try again, or for a person.
            Decision::Wait { until, .. } => {
                prop_assert!(time(self.now) < until);
            }
            Decision::Stop { .. } => {}
            Decision::Renew { current, .. } => {
                let first: Vec<Action> =
                    actions.iter().take_while(|a| matches!(a, Action::Revoke { .. })).cloned().collect();
                self.carry_out(&first, &mut left);
                self.check()?;
                if left == 0 {
                    return self.check();
                }
                left -= 1;
                self.made += 1;
                let id = format!("t{}@{}", self.made, self.now);
                self.tokens.push(Token {
                    id: id.clone(),
                    created: self.now,
                    expires: self.now + LIFETIME,
                    active: false,
                    superseded: false,
                });
                self.now += 1_500;
                // As the engine does: those first that cannot tell exactly when they were written.
                let (silent, telling): (Vec<usize>, Vec<usize>) = (0..self.places.len())
                    .partition(|index| !observed.sinks[*index].state.written.is_exact());
                for index in silent.into_iter().chain(telling) {
                    if left == 0 {
                        // The write that was under way when the run broke off may have been done.
                        if run.lost {
                            self.places[index].holds = Some((id, self.now));
                        }
                        return self.check();
                    }
                    left -= 1;
                    self.places[index].holds = Some((id.clone(), self.now));
                    self.check()?;
                }
                if left == 0 {
                    return self.check();
                }
                if self.can_mark {
                    left -= 1;
                    if let Some(token) = self.tokens.iter_mut().find(|t| t.id == id) {
                        token.active = true;
                    }
                }
                let all: Vec<Known> = self.observed().known;
                let Some(new) = all.iter().find(|k| k.id == id) else { return self.check() };
                let previous = current.as_ref().map(|current| current.id.as_str());
                let (revoke, waiting) = superseded(new, &all, previous, &observed, &self.policy);
                let notes = to_note(&waiting, &all, self.can_mark).map(|k| Action::Supersede(k.id.clone()));
                let rest: Vec<Action> = notes.chain(revoke).collect();
                self.carry_out(&rest, &mut left);
            }
        }
        self.check()
    }

    /// Marks and revokes what a plan says, until no effect is left.
    fn carry_out(&mut self, actions: &[Action], left: &mut usize) {
        for action in actions.iter().take(*left) {
            match action {
                Action::Mark(Some(id)) => {
                    self.tokens.iter_mut().filter(|t| t.id == *id).for_each(|t| t.active = true);
                }
                Action::Supersede(id) => {
                    self.tokens.iter_mut().filter(|t| t.id == *id).for_each(|t| t.superseded = true);
                }
                Action::Revoke { id, .. } => self.tokens.retain(|t| t.id != *id),
                _ => {}
            }
        }
        *left = left.saturating_sub(actions.len());
    }

    fn plan(&self, observed: &Observed, force: bool) -> Plan {
        plan(observed, Asked { kind: CredentialKind::Pat, policy: &self.policy, jitter: 7, force })
    }
}

/// Returns the ids that are revoked.
fn revoked(actions: &[Action]) -> Vec<&String> {
    actions
        .iter()
        .filter_map(|action| match action {
            Action::Revoke { id, .. } => Some(id),
            _ => None,
        })
        .collect()
}

fn time(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn policy(overlap_days: u64) -> Policy {
    Policy {
        lifetime: Span::from_seconds(90 * 86_400),
        renew_before: Span::from_seconds(30 * 86_400),
        overlap: Span::from_seconds(overlap_days * 86_400),
        comment: None,
        scopes: Scopes::Inherit,
        adopt: Adopt::None,
        verify_within: Span::from_seconds(120),
        verify_path: None,
    }
}

fn places() -> impl Strategy<Value = Vec<Place>> {
    let tells = prop_oneof![
        4 => Just(Tells::Date), 1 => Just(Tells::Id), 1 => Just(Tells::Whole), 1 => Just(Tells::Nothing)
    ];
    vec((tells, -120_000i64..120_000), 1..4).prop_map(|all| {
        all.into_iter()
            .map(|(tells, ahead)| Place { tells, holds: None, ahead, edited: 0 })
            .collect::<Vec<Place>>()
    })
}

fn runs() -> impl Strategy<Value = Vec<Run>> {
    let after = prop_oneof![0i64..60_000, 60_000i64..2 * LEASED, 2 * LEASED..3 * DAY, 3 * DAY..100 * DAY];
    let edited = proptest::option::of(prop_oneof![0i64..60_000, 60_000i64..2 * LEASED]);
    vec(
        (after, any::<bool>(), 0usize..9, any::<bool>(), edited)
            .prop_map(|(after, force, effects, lost, edited)| Run { after, force, effects, lost, edited }),
        0..12,
    )
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 4_000, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn no_matter_where_runs_broke_off_no_sink_loses_its_credential_and_the_next_runs_converge(
        places in places(), runs in runs(),
        overlap in prop_oneof![Just(0u64), Just(1u64)], can_mark in any::<bool>()
    ) {
        // What can be marked nowhere needs a place that tells when it was written; the configuration asks for
        // one.
        let can_mark = can_mark || places.iter().all(|p| matches!(p.tells, Tells::Nothing | Tells::Whole));
        let mut model = Model {
            now: 1_795_514_400_000, tokens: Vec::new(), places, policy: policy(overlap), can_mark, made: 0,
        };
        for run in &runs {
            model.run(run)?;
        }
        // One further undisturbed run, as the schedule would start it, converges: the first after the
        // back-off.
        model.now += DAY;
        if let Decision::Wait { until, .. } = model.plan(&model.observed(), false).decision {
            let wait = until.since(time(model.now));
            prop_assert!(wait <= 7 * DAY, "it waits a week at the most");
            model.now += wait;
        }
        let undisturbed = Run { after: 0, force: false, effects: usize::MAX, lost: false, edited: Some(0) };
        model.run(&undisturbed)?;
        let newest = model.tokens.iter().max_by_key(|t| (t.created, t.id.clone())).map(|t| t.id.clone());
        for place in &model.places {
            let held = place.holds.as_ref().map(|(id, _)| id.clone());
            prop_assert_eq!(held, newest.clone(), "every sink holds the newest");
        }
        // Once an overlap is over nothing is left, and from then on there is nothing to do.
        for round in 0.. {
            prop_assert!(round < 60, "it renews again and again: {model:?}");
            let made = model.made;
            model.run(&Run { after: 2 * DAY, ..undisturbed.clone() })?;
            // A run that finds it due renews; the one after it cleans up.
            if model.made == made {
                break;
            }
        }
        prop_assert_eq!(model.tokens.len(), 1, "one credential is left: {:?}", model.tokens);
        // Past the lease of a run that may just have ended.
        model.now += 2 * LEASED;
        let age = model.now - model.tokens[0].created;
        if age < 50 * DAY {
            let plan = model.plan(&model.observed(), false);
            prop_assert!(matches!(plan.decision, Decision::Keep(_)), "a converged target must be left alone");
            prop_assert!(plan.actions.is_empty() && plan.waiting.is_empty());
        }
    }

    #[test]
    fn the_same_observation_gives_the_same_plan(places in places(), runs in runs()) {
        let mut model = Model {
            now: 1_795_514_400_000, tokens: Vec::new(), places, policy: policy(0), can_mark: true, made: 0,
        };
        for run in &runs {
            model.run(run)?;
        }
        let observed = model.observed();
        let mut turned = observed.clone();
        turned.known.reverse();
        prop_assert_eq!(model.plan(&observed, false), model.plan(&turned, false));
    }
}
