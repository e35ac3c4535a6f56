//! What is audited: the public objects of a log at a URL or in a folder, and, where the folder is a data folder, what lies beside them.

use std::path::Path;

use crate::store::{Http, HttpError, Source, Store, StoreError};

/// A log to be audited.
#[derive(Clone, Debug)]
pub struct Target {
    shown: String,
    log: Source,
    data: Option<Store>,
}

/// Why there is nothing to audit.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// Not a URL that we read.
    #[error(transparent)]
    Url(#[from] HttpError),
    /// The folder cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A folder without a log.
    #[error(
        "{folder} holds no log: wanted a data folder (with log/checkpoint in it) or a copy of a log (with checkpoint and tile/ in it)"
    )]
    NoLog {
        /// As given.
        folder: String,
    },
}

impl Target {
    /// A URL of a ledger, a data folder, or a folder with the content of `log/`, such as a mirror.
    ///
    /// # Errors
    /// [`TargetError`].
    pub fn parse(text: &str) -> Result<Target, TargetError> {
        if text.starts_with("http://") || text.starts_with("https://") {
            return Ok(Target::log(text, Source::Http(Http::new(text)?)));
        }
        Target::folder(Path::new(text))
    }

    /// A data folder, or a folder with the content of `log/`.
    ///
    /// # Errors
    /// [`TargetError`].
    pub fn folder(folder: &Path) -> Result<Target, TargetError> {
        let shown = folder.display().to_string();
        let is_data = folder.join("log").is_dir();
        let is_log = ["checkpoint", "head", "tile"]
            .iter()
            .any(|name| folder.join(name).exists());
        if !is_data && !is_log {
            return Err(TargetError::NoLog { folder: shown });
        }
        let store = Store::folder(folder)?;
        Ok(if is_data {
            Target::data(&shown, &store)
        } else {
            Target::log(&shown, Source::Store(store))
        })
    }

    /// The public objects alone; `shown` is what the report calls it.
    #[must_use]
    pub fn log(shown: &str, log: Source) -> Target {
        Target {
            shown: shown.to_owned(),
            log,
            data: None,
        }
    }

    /// A store with `log/`, `commit/` and `openings/` under it.
    #[must_use]
    pub fn data(shown: &str, store: &Store) -> Target {
        Target {
            shown: shown.to_owned(),
            log: Source::Store(store.under("log/")),
            data: Some(store.clone()),
        }
    }

    /// What the report calls it.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Where the public objects are read.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.log
    }

    /// Where `commit/` and `openings/` are, if they are there to be read.
    #[must_use]
    pub fn data_store(&self) -> Option<&Store> {
        self.data.as_ref()
    }

    /// The public objects as a store, which can be listed; a URL cannot.
    pub(super) fn listed(&self) -> Option<&Store> {
        match &self.log {
            Source::Store(store) => Some(store),
            Source::Http(_) => None,
        }
    }
}
