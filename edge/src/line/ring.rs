//! Several private keys or app secrets of one endpoint, of which one fits: the new and the old one during a rotation.
//!
//! Nothing in a request says which, so they are tried, and the one that fitted last is tried first. Which one fits is counted,
//! for an operator who wants to know when the old one may go.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use flow_wire::envelope::{AesKey, Envelope, Unopened};
use flow_wire::keys::PrivateKey;
use flow_wire::signature::{self, AppSecret, Signature, Verified};

use crate::telemetry::Uses;

pub(crate) struct Ring<T> {
    items: Vec<(T, Uses)>,
    /// Index of the one that fitted last.
    last: AtomicUsize,
}

impl<T> Ring<T> {
    /// Takes the items in the order in which they are tried at first: the newest first.
    pub(crate) fn new(items: Vec<T>, uses: impl Fn(&T) -> Uses) -> Self {
        let items = items.into_iter().map(|item| (uses(&item), item)).map(|(uses, item)| (item, uses)).collect();
        Self { items, last: AtomicUsize::new(0) }
    }

    fn iter(&self) -> impl Iterator<Item = &T> {
        let last = self.last.load(Ordering::Relaxed);
        let others = self.items.iter().enumerate().filter(move |(index, _)| *index != last);
        self.items.get(last).into_iter().chain(others.map(|(_, item)| item)).map(|(item, _)| item)
    }

    fn fit<'a>(&'a self, item: &T) -> Fit<'a, T> {
        Fit { ring: self, index: self.items.iter().position(|(other, _)| std::ptr::eq(other, item)) }
    }
}

/// One of a ring that fitted, to be counted once all is known to be right: whoever has the public key can wrap an AES key, and the
/// tag alone tells that it is the one of the rest.
#[must_use = "it is not counted yet"]
pub(crate) struct Fit<'a, T> {
    ring: &'a Ring<T>,
    index: Option<usize>,
}

impl<T> Fit<'_, T> {
    /// Counts its use, and has it tried first from now on.
    pub(crate) fn count(self) {
        if let Some(index) = self.index {
            self.ring.last.store(index, Ordering::Relaxed);
            self.ring.items[index].1.count();
        }
    }
}

impl Ring<AppSecret> {
    /// Checks the signature of a body under whichever secret fits.
    pub(crate) fn verify(
        &self,
        body: bytes::Bytes,
        signature: &Signature,
    ) -> Result<(Verified, Fit<'_, AppSecret>), signature::Error> {
        let (verified, secret) = signature::verify(body, signature, self.iter())?;
        Ok((verified, self.fit(secret)))
    }

    pub(crate) fn secrets(&self) -> impl Iterator<Item = &AppSecret> {
        self.iter()
    }
}

impl Ring<PrivateKey> {
    /// Unwraps the AES key of an envelope with whichever key fits. One outcome covers every failure: which key or which length
    /// was wrong is nothing to tell.
    ///
    /// OAEP holds a 256-bit check, so the first key that unwraps is the right one.
    pub(crate) fn unwrap_key(&self, envelope: &Envelope) -> Result<(AesKey, Fit<'_, PrivateKey>), Unopened> {
        let fits = self.iter().find_map(|key| Some((key, key.unwrap_key(envelope)?)));
        let (key, aes_key) = fits.ok_or(Unopened)?;
        Ok((aes_key, self.fit(key)))
    }
}

impl<T: fmt::Debug> fmt::Debug for Ring<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Metrics;
    use opentelemetry_sdk::metrics::SdkMeterProvider;

    #[test]
    fn the_one_that_fitted_last_is_tried_first_and_every_other_once() {
        let metrics = Metrics::new(SdkMeterProvider::builder(), 1, 0).unwrap();
        let ring = Ring::new(vec!["new", "old", "oldest"], |name| metrics.private_key_uses("endpoint", name));
        assert_eq!(ring.iter().collect::<Vec<_>>(), [&"new", &"old", &"oldest"]);
        let old = ring.iter().nth(1).unwrap();
        let fit = ring.fit(old);
        assert_eq!(ring.iter().collect::<Vec<_>>(), [&"new", &"old", &"oldest"]);
        fit.count();
        assert_eq!(ring.iter().collect::<Vec<_>>(), [&"old", &"new", &"oldest"]);
    }
}
