//! Two runs at once, one request at a time, in an order that the test chooses.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Poll, Waker};

use futures_util::future::poll_fn;

use crate::wire::Gate;

/// Lets the requests of two runs through in a chosen order: so many of the first, so many of the second, and
/// so on; at last each run to its end.
pub struct Schedule {
    turns: RefCell<Vec<usize>>,
    active: Cell<usize>,
    left: Cell<usize>,
    ended: [Cell<bool>; 2],
    waiting: RefCell<Vec<Waker>>,
}

impl Schedule {
    /// Makes a schedule whose first run gets `turns[0]` requests, then the other one `turns[1]`, and so on.
    #[must_use]
    pub fn new(turns: &[usize]) -> Rc<Self> {
        let mut turns: Vec<usize> = turns.iter().rev().copied().collect();
        let first = turns.pop().unwrap_or(usize::MAX);
        let schedule = Rc::new(Self {
            turns: RefCell::new(turns),
            active: Cell::new(0),
            left: Cell::new(first),
            ended: [Cell::new(false), Cell::new(false)],
            waiting: RefCell::default(),
        });
        schedule.settle();
        schedule
    }

    /// Returns the gate of a run, 0 or 1.
    #[must_use]
    pub fn gate(self: &Rc<Self>, run: usize) -> Gate {
        let schedule = self.clone();
        Rc::new(move || {
            let schedule = schedule.clone();
            Box::pin(poll_fn(move |context| {
                if schedule.active.get() == run {
                    schedule.left.set(schedule.left.get() - 1);
                    schedule.settle();
                    return Poll::Ready(());
                }
                schedule.waiting.borrow_mut().push(context.waker().clone());
                Poll::Pending
            }))
        })
    }

    /// Says that a run has ended, so that the other one goes on alone.
    pub fn end(&self, run: usize) {
        self.ended[run].set(true);
        self.settle();
    }

    /// Hands the turn over where it is used up, or its run has ended.
    fn settle(&self) {
        while self.left.get() == 0 || self.ended[self.active.get()].get() {
            if self.ended[0].get() && self.ended[1].get() {
                return;
            }
            self.active.set(1 - self.active.get());
            self.left.set(self.turns.borrow_mut().pop().unwrap_or(usize::MAX));
        }
        for waker in self.waiting.borrow_mut().drain(..) {
            waker.wake();
        }
    }
}
