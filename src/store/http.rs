//! The one door to the HTTP client (ureq): reads public objects and talks to the API, for `audit URL`, `mirror`, `post`, `receipt`.
//!
//! Every answer has a maximum size and every call a time limit. A server may send a reader on to another path of its own, never to
//! another host: what comes from there would be taken for the ledger's. Does not judge what it reads.

use std::io::Read;
use std::time::Duration;

use bytes::Bytes;
use ureq::http::Uri;

use super::roots;

/// From one path of a server to another; more is a circle.
const REDIRECTS_MAX: usize = 4;

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
    /// A page for people where an object of a log was asked for.
    #[error(
        "{url} answered with a page (text/html): what answers is no log, maybe a login page or a proxy; check the address and the network"
    )]
    Page {
        /// What was asked for.
        url: String,
    },
    /// Nothing where a signed checkpoint was asked for.
    #[error(
        "{url} answered 200 and nothing: what answers is no log, maybe a proxy or a server without its files; check the address and the network"
    )]
    Empty {
        /// What was asked for.
        url: String,
    },
    /// More than the maximum.
    #[error("the answer from {url} has more than {bytes_max} bytes")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// The most that was expected.
        bytes_max: u64,
    },
    /// The server sends the reader to another host, or in circles.
    #[error(
        "{url} answered {status} and points to {to:?}, which is not followed: a ledger is asked at one address; give that address if it is the right one"
    )]
    Redirect {
        /// What was asked for.
        url: String,
        /// The HTTP status.
        status: u16,
        /// Where it points.
        to: String,
    },
    /// The authorities that vouch for servers cannot be read.
    #[error("the certificates of authorities cannot be read: {cause}")]
    Roots {
        /// Why.
        cause: String,
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
    /// `ETag` as it stands; empty if there is none.
    pub etag: String,
    /// The media type of the body, in lower case and without parameters; empty if the server named none.
    pub content_type: String,
    /// The body, not larger than was allowed.
    pub body: Bytes,
}

impl Http {
    /// Talks to the server at `base`.
    ///
    /// # Errors
    /// [`HttpError::Url`] if it is no http(s) URL, [`HttpError::Roots`] if nobody can vouch for an https one.
    pub fn new(base: &str) -> Result<Http, HttpError> {
        Http::with_time_limit(base, Duration::from_secs(120))
    }

    /// As [`Http::new`], with another limit for a whole call: connecting, sending, and the answer to its end.
    ///
    /// # Errors
    /// As [`Http::new`].
    pub fn with_time_limit(base: &str, limit: Duration) -> Result<Http, HttpError> {
        let no_url = || HttpError::Url {
            found: base.to_owned(),
        };
        // A scheme is written in either case (RFC 3986 §3.1).
        let (scheme, rest) = base.split_once("://").ok_or_else(no_url)?;
        let scheme = scheme.to_ascii_lowercase();
        let is_place =
            !rest.is_empty() && !rest.starts_with('/') && !rest.contains(['?', '#', ' ']);
        if !matches!(scheme.as_str(), "http" | "https") || !is_place {
            return Err(no_url());
        }
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(Duration::from_secs(10).min(limit)))
            .timeout_global(Some(limit))
            .user_agent(concat!("mingzhang/", env!("CARGO_PKG_VERSION")));
        if scheme == "https" {
            let roots = roots::all().map_err(|cause| HttpError::Roots { cause })?;
            config = config.tls_config(ureq::tls::TlsConfig::builder().root_certs(roots).build());
        }
        Ok(Http {
            base: format!("{scheme}://{}", rest.trim_end_matches('/')),
            agent: config.build().new_agent(),
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
            // No object of a log is a page: what answers is a login page or a proxy, and says nothing of the log.
            200 if matches!(&*answer.content_type, "text/html" | "application/xhtml+xml") => {
                Err(HttpError::Page {
                    url: self.url(name),
                })
            }
            // Nor is a checkpoint nothing: no log signs that.
            200 if answer.body.is_empty() && matches!(name, "checkpoint" | "head") => {
                Err(HttpError::Empty {
                    url: self.url(name),
                })
            }
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
        let mut url = self.url(name);
        // Only what changes nothing is asked again, here or elsewhere.
        let is_read = matches!(method, "GET" | "HEAD");
        let (mut hops, mut may_be_old) = (0, true);
        loop {
            let answer = match self.once(method, &url, headers, body, bytes_max) {
                // A kept connection that its server closed meanwhile: no answer, but none that was refused either (RFC 9110, 9.2.2).
                Err(error) if is_read && may_be_old && error.is_closed() => {
                    may_be_old = false;
                    continue;
                }
                answer => answer?,
            };
            let Some(to) = answer.1 else {
                return Ok(answer.0);
            };
            hops += 1;
            match onward(&url, &to) {
                Some(next) if is_read && hops <= REDIRECTS_MAX => url = next,
                _ => {
                    return Err(HttpError::Redirect {
                        url,
                        status: answer.0.status,
                        to,
                    });
                }
            }
        }
    }

    /// One request, and where its answer points, if it is a redirection.
    fn once(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
        bytes_max: u64,
    ) -> Result<(Answer, Option<String>), HttpError> {
        let network = |source: ureq::Error| HttpError::Network {
            url: url.to_owned(),
            source: Box::new(source),
        };
        let mut request = ureq::http::Request::builder().method(method).uri(url);
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
        let header = |name: &str| answer.headers().get(name)?.to_str().ok();
        let retry_after_s = header("retry-after").and_then(|value| value.parse().ok());
        let media_type = header("content-type").and_then(|value| value.split(';').next());
        let content_type = media_type.unwrap_or_default().trim().to_ascii_lowercase();
        let etag = header("etag").unwrap_or_default().to_owned();
        let status = answer.status().as_u16();
        let to = match status {
            301..=303 | 307 | 308 => Some(header("location").unwrap_or_default().to_owned()),
            _ => None,
        };
        let mut bytes = Vec::new();
        let read = answer
            .into_body()
            .into_reader()
            .take(bytes_max.saturating_add(1))
            .read_to_end(&mut bytes);
        read.map_err(|source| HttpError::Body {
            url: url.to_owned(),
            source,
        })?;
        if bytes.len() as u64 > bytes_max {
            return Err(HttpError::TooLarge {
                url: url.to_owned(),
                bytes_max,
            });
        }
        let answer = Answer {
            status,
            retry_after_s,
            etag,
            content_type,
            body: Bytes::from(bytes),
        };
        Ok((answer, to))
    }

    fn url(&self, name: &str) -> String {
        format!("{}/{name}", self.base)
    }
}

impl HttpError {
    /// Whether the connection ended before any answer began.
    fn is_closed(&self) -> bool {
        use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
        let HttpError::Network { source, .. } = self else {
            return false;
        };
        let ureq::Error::Io(error) = &**source else {
            return false;
        };
        matches!(
            error.kind(),
            BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof
        )
    }
}

/// Where `to`, as an answer of `from` says it, is: another path of the same server, or nowhere that is gone to. The same host by https
/// instead of http, both at their usual ports, is the same server.
fn onward(from: &str, to: &str) -> Option<String> {
    let at: Uri = from.parse().ok()?;
    let (scheme, authority) = (at.scheme_str()?, at.authority()?);
    if to.starts_with('/') && !to.starts_with("//") {
        return Some(format!("{scheme}://{authority}{to}"));
    }
    let there: Uri = if let Some(rest) = to.strip_prefix("//") {
        format!("{scheme}://{rest}").parse().ok()?
    } else if to.contains("://") {
        to.parse().ok()?
    } else {
        return None;
    };
    let is_same = there.scheme_str() == Some(scheme) && there.authority() == Some(authority);
    let is_upgrade = scheme == "http"
        && there.scheme_str() == Some("https")
        && there.host() == at.host()
        && at.port().is_none()
        && there.port().is_none();
    (is_same || is_upgrade).then(|| there.to_string())
}

fn beginning(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(2_000)]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_urls_of_servers_are_taken() {
        for good in [
            "http://127.0.0.1:7878",
            "https://ledger.example/log/",
            "HTTP://ledger.example",
        ] {
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
            "://a",
        ] {
            assert!(
                matches!(Http::new(bad), Err(HttpError::Url { .. })),
                "{bad}"
            );
        }
    }

    /// Danger: a login page of another host is taken for the ledger's answer.
    #[test]
    fn a_reader_goes_to_another_path_and_never_to_another_host() {
        #[track_caller]
        fn check(from: &str, to: &str, next: Option<&str>) {
            assert_eq!(onward(from, to).as_deref(), next, "{from} -> {to}");
        }
        let from = "http://a.example:81/log/head";
        check(from, "/log/head/", Some("http://a.example:81/log/head/"));
        check(
            from,
            "http://a.example:81/x?y",
            Some("http://a.example:81/x?y"),
        );
        check(from, "//a.example:81/x", Some("http://a.example:81/x"));
        for elsewhere in [
            "",
            "x",
            "//b.example/x",
            "http://a.example/x",
            "https://a.example/x",
            "http://b.example:81/log/head",
            "http://a.example:81@b.example/x",
            "file:///etc/passwd",
        ] {
            check(from, elsewhere, None);
        }
        let plain = "http://a.example/x";
        check(plain, "https://a.example/x", Some("https://a.example/x"));
        check(plain, "https://b.example/x", None);
        check("https://a.example/x", "http://a.example/x", None);
    }

    /// A server may close a connection just when the next request is on its way: that is told of no object, and posts are not repeated.
    #[test]
    fn what_a_closed_connection_did_not_answer_is_asked_once_more_if_it_changes_nothing() {
        use std::io::{Read, Write};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        // Only the second is answered.
        let server = std::thread::spawn(move || {
            for number in 0..5 {
                let (mut stream, _) = listener.accept().unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    head.push(byte[0]);
                }
                if number == 1 {
                    let answer =
                        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi";
                    stream.write_all(answer).unwrap();
                }
            }
        });
        let http = Http::new(&url).unwrap();
        assert_eq!(http.get("a", 9).unwrap().unwrap(), "hi");
        let posted = http.call("POST", "a", &[], Some(b""), 9);
        assert!(matches!(posted, Err(HttpError::Network { .. })));
        let gone = http.get("a", 9);
        assert!(
            matches!(gone, Err(HttpError::Network { .. })),
            "asked twice, not for ever"
        );
        server.join().unwrap();
    }
}
