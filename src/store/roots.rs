//! Who vouches for a server behind https: the authorities that this machine trusts, and those that the caller names.
//!
//! The system's store is read as other programs read it (`SSL_CERT_FILE` and `SSL_CERT_DIR` name another one), so that what an
//! administrator has installed for a city's own authority holds here too. A machine that has none at all, such as a bare container, gets
//! the list of the web that is compiled in. Does not judge certificates: rustls does.

use std::sync::{Arc, OnceLock};

use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

/// Authorities of the caller, for the life of the process.
static OWN: OnceLock<Vec<Certificate<'static>>> = OnceLock::new();
/// Read once: a store has some hundred certificates.
static ALL: OnceLock<Result<RootCerts, String>> = OnceLock::new();

/// Trusts the authorities of a PEM file too, for every call of this process from now on. Says how many they are.
///
/// # Errors
/// Why it is no such file, for people; or that a call was made before.
pub fn trust(pem: &[u8]) -> Result<usize, String> {
    let mut own = Vec::new();
    for item in parse_pem(pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => own.push(certificate),
            Ok(_) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    if own.is_empty() {
        return Err("there is no `-----BEGIN CERTIFICATE-----` in it".to_owned());
    }
    let count = own.len();
    OWN.set(own)
        .map_err(|_| "authorities were named before".to_owned())?;
    Ok(count)
}

/// All authorities that are trusted.
pub(super) fn all() -> Result<RootCerts, String> {
    ALL.get_or_init(read).clone()
}

fn read() -> Result<RootCerts, String> {
    let found = rustls_native_certs::load_native_certs();
    let own = OWN.get().cloned().unwrap_or_default();
    let is_named = ["SSL_CERT_FILE", "SSL_CERT_DIR"]
        .iter()
        .any(|name| std::env::var_os(name).is_some());
    if found.certs.is_empty() && is_named {
        let causes: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        return Err(format!(
            "SSL_CERT_FILE or SSL_CERT_DIR is set and names no certificate ({})",
            causes.join("; ")
        ));
    }
    if found.certs.is_empty() && own.is_empty() {
        return Ok(RootCerts::WebPki);
    }
    let of_system = found
        .certs
        .iter()
        .map(|der| Certificate::from_der(der).to_owned());
    Ok(RootCerts::Specific(Arc::new(
        of_system.chain(own).collect(),
    )))
}
