//! Who waits for an answer of a state machine that does not know of waiting.

use std::collections::HashMap;

use tokio::sync::{oneshot, watch};

/// Names who waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Ticket(pub(crate) u64);

/// Everybody who waits.
pub(crate) struct Waiting<A> {
    by_ticket: HashMap<Ticket, oneshot::Sender<A>>,
    tickets: u64,
}

impl<A> Default for Waiting<A> {
    fn default() -> Self {
        Waiting {
            by_ticket: HashMap::new(),
            tickets: 0,
        }
    }
}

impl<A> Waiting<A> {
    /// One more.
    pub(crate) fn add(&mut self) -> (Ticket, oneshot::Receiver<A>) {
        let (told, answer) = oneshot::channel();
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.by_ticket.insert(ticket, told);
        (ticket, answer)
    }

    /// Answers one; who does not wait any more misses it.
    pub(crate) fn answer(&mut self, ticket: Ticket, answer: A) {
        self.by_ticket.remove(&ticket).map(|told| told.send(answer));
    }

    /// Nobody will be answered who waits now.
    pub(crate) fn let_go(&mut self) {
        self.by_ticket.clear();
    }
}

/// The answer; `None` when the broker stops before there is one, or whoever was asked is no more.
pub(crate) async fn told<A>(answer: oneshot::Receiver<A>, mut stop: watch::Receiver<bool>) -> Option<A> {
    tokio::select! {
        biased;
        answer = answer => answer.ok(),
        _ = stop.wait_for(|stop| *stop) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_is_let_go_waits_no_longer_and_no_ticket_is_given_twice() {
        let (_broker, stop) = watch::channel(false);
        let mut waiting = Waiting::default();
        let (before, lost) = waiting.add();
        waiting.let_go();
        let (after, answer) = waiting.add();
        waiting.answer(before, 1);
        waiting.answer(after, 2);
        assert_eq!(told(lost, stop.clone()).await, None);
        assert_eq!(told(answer, stop).await, Some(2));
    }
}
