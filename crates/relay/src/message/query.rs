//! What REQ and COUNT have in common: whether a query may be asked.

use std::sync::Arc;

use stentor_event::{Admission, Filter, Viewer, admission};

use super::search::searches;
use crate::answer::too_fast;
use crate::connection::{Connection, Received};
use crate::policy::rate::Thing;

impl Connection {
    /// Whether the connection may ask this now; if not, the reason with its NIP-01 prefix.
    pub(super) fn may_ask(
        &mut self,
        filters: &[Filter],
        received: &Received<'_>,
        thing: Thing,
    ) -> Result<Arc<Viewer>, String> {
        if self.draining {
            return Err("error: the relay is shutting down".into());
        }
        self.take(received, thing)
            .map_err(|limited| too_fast(&limited, "requests"))?;
        self.charge(received.settings, 0);
        let rates = &received.settings.config.rates;
        let may_query = self.state.meters.may_query(&self.meter, rates);
        may_query.map_err(|limited| too_fast(&limited, "expensive queries"))?;
        let (settings, lists) = (received.settings, self.state.lists());
        let entrance = self.entrance(settings);
        let standing = settings.standing(&lists);
        settings
            .policy
            .auth
            .may_read(&self.keys, entrance, standing)?;
        if searches(filters) && self.state.search(received.settings).is_none() {
            return Err("unsupported: this relay does not offer search".into());
        }
        let viewer = self.client.viewer(&received.settings.rules);
        match admission(filters, &viewer) {
            Admission::Open => Ok(viewer),
            Admission::AuthRequired => {
                Err("auth-required: events of these kinds are shown to their parties only".into())
            }
            Admission::Restricted => {
                Err("restricted: none of your keys can be a party to these events".into())
            }
        }
    }
}
