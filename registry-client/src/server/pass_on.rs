//! An answer that is passed on while it comes, whatever its length.

use std::collections::BTreeMap;
use std::io;

use ureq::http::{HeaderMap, HeaderValue};

use super::url::url;
use super::{NoAnswer, Refusal, Server, with};

/// Bytes of an answer that are passed on at once.
const PIECE_BYTES: usize = 64 << 10;

impl Server {
    /// Passes the bytes of an answer on as they come, however many and however long that takes, and gives its headers; the inner
    /// refusal is the server's no. The first address alone is asked: what has begun cannot begin elsewhere.
    ///
    /// # Errors
    /// When there is no answer, or it breaks off. Whoever takes no more bytes has had enough, and that is none.
    pub fn pass_on(
        &self,
        segments: &[&str],
        query: &[(&str, &str)],
        out: &mut dyn io::Write,
    ) -> Result<Result<BTreeMap<String, String>, Refusal>, NoAnswer> {
        let Some(address) = self.addresses.first() else {
            return Err(NoAnswer::nobody());
        };
        let caller = self.authorization.as_ref().or(address.authorization.as_ref());
        let request = self.agent.get(url(&address.url, segments, query)?);
        let request = request.config().timeout_global(None).build();
        let sent = with(request, caller).call();
        let mut response = sent.map_err(|error| self.silent(address, &error))?;
        if !response.status().is_success() {
            let answered = self.answer(address, response)?;
            return Ok(answered.map(|_| BTreeMap::new()));
        }
        let headers = texts(response.headers());
        let mut bytes = response.body_mut().with_config().limit(u64::MAX).reader();
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let read = io::Read::read(&mut bytes, &mut piece);
            let read = read.map_err(|error| NoAnswer::Broken(error.to_string()))?;
            match out.write_all(piece.get(..read).unwrap_or_default()) {
                _ if read == 0 => return Ok(Ok(headers)),
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Ok(headers)),
                Err(error) => return Err(NoAnswer::Broken(error.to_string())),
            }
        }
    }
}

/// The headers that are texts, by their names in small letters.
fn texts(headers: &HeaderMap) -> BTreeMap<String, String> {
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
    let texts = headers
        .iter()
        .filter_map(|(name, value)| Some((name.to_string(), text(value)?)));
    texts.collect()
}
