//! The one door to the HTTP client (ureq): reads public objects and talks to the API, for `audit URL`, `mirror`, `post`, `receipt`.
//!
//! Every answer has a maximum size and every call a time limit. Does not judge what it reads.

use std::io::Read;
use std::time::Duration;

use bytes::Bytes;

/// A web server that serves a log, by its base URL.
#[derive(Clone, Debug)]
pub struct Http {
    base: String,
    agent: ureq::Agent,
}

/// A call to a server failed.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// No answer: name, network, TLS or time-out.
    #[error("no answer from {url}")]
    Network {
        /// What was asked for.
        url: String,
        /// The client's own words.
        #[source]
        source: Box<ureq::Error>,
    },
    /// The answer broke off.
    #[error("the answer from {url} broke off")]
    Body {
        /// What was asked for.
        url: String,
        /// The client's own words.
        #[source]
        source: std::io::Error,
    },
    /// An answer that is neither success nor "not there".
    #[error("{url} answered {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The beginning of the body.
        body: String,
    },
    /// More than the maximum.
    #[error("the answer from {url} has more than {bytes_max} bytes")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// The most that was expected.
        bytes_max: u64,
    },
    /// Not `http://…` or `https://…`.
    #[error("{found:?} is not a URL of a ledger: wanted http://host[:port][/prefix] or https://…")]
    Url {
        /// As given.
        found: String,
    },
}

/// One answer.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `Retry-After` in seconds, if the server said so.
    pub retry_after_s: Option<u64>,
    /// The body, not larger than was allowed.
    pub body: Bytes,
}

impl Http {
    /// Talks to the server at `base`.
    ///
    /// # Errors
    /// [`HttpError::Url`] if it is no http(s) URL.
    pub fn new(base: &str) -> Result<Http, HttpError> {
        Http::with_time_limit(base, Duration::from_secs(120))
    }

    /// As [`Http::new`], with another limit for a whole call: connecting, sending, and the answer to its end.
    ///
    /// # Errors
    /// [`HttpError::Url`].
    pub fn with_time_limit(base: &str, limit: Duration) -> Result<Http, HttpError> {
        let rest = base
            .strip_prefix("http://")
            .or_else(|| base.strip_prefix("https://"));
        if rest.is_none_or(|rest| {
            rest.is_empty() || rest.starts_with('/') || rest.contains(['?', '#', ' '])
        }) {
            return Err(HttpError::Url {
                found: base.to_owned(),
            });
        }
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(Duration::from_secs(10).min(limit)))
            .timeout_global(Some(limit))
            .user_agent(concat!("mingzhang/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Ok(Http {
            base: base.trim_end_matches('/').to_owned(),
            agent,
        })
    }

    /// The base URL, without a slash at its end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Reads a public object without blocking the caller's runtime; `None` for 404.
    ///
    /// # Errors
    /// [`HttpError`].
    pub async fn read(&self, name: &str, bytes_max: u64) -> Result<Option<Bytes>, HttpError> {
        let (this, name) = (self.clone(), name.to_owned());
        tokio::task::spawn_blocking(move || this.get(&name, bytes_max))
            .await
            .expect("a GET does not panic")
    }

    /// Reads a public object; `None` for 404.
    ///
    /// # Errors
    /// [`HttpError`].
    pub fn get(&self, name: &str, bytes_max: u64) -> Result<Option<Bytes>, HttpError> {
        let answer = self.call("GET", name, &[], None, bytes_max)?;
        match answer.status {
            200 => Ok(Some(answer.body)),
            404 => Ok(None),
            status => Err(HttpError::Status {
                url: self.url(name),
                status,
                body: beginning(&answer.body),
            }),
        }
    }

    /// Any call; every status is an answer.
    ///
    /// # Errors
    /// [`HttpError`] if there is no whole answer within the limits.
    pub fn call(
        &self,
        method: &str,
        name: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
        bytes_max: u64,
    ) -> Result<Answer, HttpError> {
        let url = self.url(name);
        let network = |source: ureq::Error| HttpError::Network {
            url: url.clone(),
            source: Box::new(source),
        };
        let mut request = ureq::http::Request::builder().method(method).uri(&url);
        for (header, value) in headers {
            request = request.header(*header, *value);
        }
        let sent = match body {
            Some(body) => request
                .body(body)
                .map_err(ureq::Error::from)
                .and_then(|request| self.agent.run(request)),
            None => request
                .body(())
                .map_err(ureq::Error::from)
                .and_then(|request| self.agent.run(request)),
        };
        let answer = sent.map_err(network)?;
        let retry_after_s = answer
            .headers()
            .get("retry-after")
            .and_then(|value| value.to_str().ok()?.parse().ok());
        let status = answer.status().as_u16();
        let mut bytes = Vec::new();
        let read = answer
            .into_body()
            .into_reader()
            .take(bytes_max.saturating_add(1))
            .read_to_end(&mut bytes);
        read.map_err(|source| HttpError::Body {
            url: url.clone(),
            source,
        })?;
        if bytes.len() as u64 > bytes_max {
            return Err(HttpError::TooLarge { url, bytes_max });
        }
        Ok(Answer {
            status,
            retry_after_s,
            body: Bytes::from(bytes),
        })
    }

    fn url(&self, name: &str) -> String {
        format!("{}/{name}", self.base)
    }
}

fn beginning(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(2_000)]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_urls_of_servers_are_taken() {
        for good in ["http://127.0.0.1:7878", "https://ledger.example/log/"] {
            assert!(Http::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "ledger.example",
            "ftp://x",
            "http://",
            "http:///x",
            "http://a b",
            "http://a?b",
        ] {
            assert!(
                matches!(Http::new(bad), Err(HttpError::Url { .. })),
                "{bad}"
            );
        }
    }
}
