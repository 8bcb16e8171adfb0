//! CLOSE: the client wants no more of a subscription.

use stentor_event::SubscriptionId;

use crate::connection::Connection;
use crate::metrics::Message;

impl Connection {
    /// Ends the subscription, its scan, and a COUNT of the same name. There is no answer (NIP-01).
    pub(crate) fn on_close_request(&mut self, sub: &SubscriptionId) {
        self.state.metrics.message(Message::Close);
        self.end_subscription(sub);
        if let Some(work) = &mut self.work {
            work.counts.end(sub);
            work.invites.end(sub);
        }
    }
}
