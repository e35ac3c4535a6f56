//! Reading a file of words: the one compiled in, and a centre's own on top of it.
//!
//! Promises: a centre's file adds and never changes what an id here means; what it may not do is said with its place.

use std::collections::HashSet;

use serde::Deserialize;

use super::{Category, Event, Field, Kind, Method, Need, Shape, Stage, Vocabulary};

/// The most bytes of a centre's file.
pub const FILE_BYTES_MAX: usize = 1 << 20;
/// The most bytes of the words that a ledger serves: ours, and some full files.
pub const SERVED_BYTES_MAX: usize = 8 << 20;

/// Why a file of words is not taken.
#[derive(Debug, thiserror::Error)]
pub enum VocabularyError {
    /// It is too large.
    #[error("the file has {0} bytes, wanted at most {FILE_BYTES_MAX}")]
    Size(usize),
    /// It is not JSON of this form; the cause names line and column.
    #[error("not a file of words: {0}")]
    Form(#[from] serde_json::Error),
    /// An id is not lower-case letters, digits, `_` and `-`.
    #[error(
        "{place}: {id:?} is no id, wanted lower-case letters, digits, `_` or `-`, beginning with a letter"
    )]
    Id {
        /// Where.
        place: &'static str,
        /// What stands there.
        id: String,
    },
    /// An id stands twice, or stands here already with a meaning of its own.
    #[error("{place}: {id:?} is there already, and its meaning may not change")]
    Twice {
        /// Where.
        place: String,
        /// Which.
        id: String,
    },
    /// A field names what does not exist.
    #[error("{place}: nothing is called {id:?}")]
    Unknown {
        /// Where.
        place: String,
        /// Which.
        id: String,
    },
    /// A new kind has no name.
    #[error("kinds: the new kind {0:?} needs zh and en")]
    Nameless(String),
    /// A field added to a kind of this program would refuse statements that it takes.
    #[error(
        "{place}: {field:?} may be `warn` or `optional` here; what is lawful elsewhere is not refused"
    )]
    Refuses {
        /// Where.
        place: String,
        /// Which.
        field: String,
    },
}

impl VocabularyError {
    /// The line of `bytes`, 1-based, where it is: as JSON says for what is no such file, else where the id at fault stands last.
    #[must_use]
    pub fn line(&self, bytes: &[u8]) -> Option<usize> {
        let id = match self {
            VocabularyError::Size(_) => return None,
            VocabularyError::Form(error) => return Some(error.line()),
            VocabularyError::Id { id, .. }
            | VocabularyError::Twice { id, .. }
            | VocabularyError::Unknown { id, .. }
            | VocabularyError::Nameless(id)
            | VocabularyError::Refuses { field: id, .. } => id,
        };
        let text = std::str::from_utf8(bytes).ok()?;
        let quoted = serde_json::to_string(id).ok()?;
        let at = text.rfind(&quoted).or_else(|| text.rfind(id.as_str()))?;
        Some(text[..at].matches('\n').count() + 1)
    }

    /// The same in Chinese.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            VocabularyError::Size(bytes) => {
                format!("文件有 {bytes} 字节，最多 {FILE_BYTES_MAX} 字节")
            }
            VocabularyError::Form(error) => format!("不是词表文件：{error}"),
            VocabularyError::Id { place, id } => {
                format!("{place}：{id:?} 不能作标识，应以小写字母开头，只含小写字母、数字、_ 与 -")
            }
            VocabularyError::Twice { place, id } => {
                format!("{place}：{id:?} 已有，其含义不可改变")
            }
            VocabularyError::Unknown { place, id } => format!("{place}：没有 {id:?}"),
            VocabularyError::Nameless(id) => format!("kinds：新类型 {id:?} 须有 zh 与 en"),
            VocabularyError::Refuses { place, field } => {
                format!("{place}：{field:?} 只能为 warn 或 optional，不得拒收他处合法的公告")
            }
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    common: Vec<Field>,
    shapes: Vec<Shape>,
    kinds: Vec<KindRow>,
    categories: Vec<Category>,
    methods: Vec<Method>,
    events: Vec<Event>,
}

/// A new kind; or fields for one that is there, and then nothing but `id` and `fields`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KindRow {
    id: String,
    stage: Option<Stage>,
    #[serde(default)]
    zh: String,
    #[serde(default)]
    en: String,
    #[serde(default)]
    platform_codes: Vec<String>,
    #[serde(default)]
    source: String,
    #[serde(default)]
    ocds_tag: String,
    #[serde(default)]
    ocds_section: String,
    fields: Vec<Field>,
}

impl KindRow {
    fn only_adds_fields(&self) -> bool {
        let words = [
            &self.zh,
            &self.en,
            &self.source,
            &self.ocds_tag,
            &self.ocds_section,
        ];
        self.stage.is_none()
            && self.platform_codes.is_empty()
            && words.iter().all(|word| word.is_empty())
    }
}

impl Vocabulary {
    /// The words of this program and those of a centre's own file (JSON, as `docs/vocabulary.md` describes).
    ///
    /// ```
    /// use mingzhang::trade::vocabulary::Vocabulary;
    /// let file = r#"{"categories":[{"id":"data-asset","side":"sell","platform_code":"90","zh":"数据资产","en":"data assets"}]}"#;
    /// assert!(Vocabulary::with_file(file.as_bytes()).unwrap().category("data-asset").is_some());
    /// let file = file.replace("data-asset", "forest-right");
    /// let error = Vocabulary::with_file(file.as_bytes()).unwrap_err();
    /// assert_eq!(error.to_string(), r#"categories: "forest-right" is there already, and its meaning may not change"#);
    /// ```
    ///
    /// # Errors
    /// If it is not such a file, or would change what an id here means.
    pub fn with_file(bytes: &[u8]) -> Result<Vocabulary, VocabularyError> {
        let mut vocabulary = Vocabulary::builtin().clone();
        vocabulary.add(bytes, true)?;
        Ok(vocabulary)
    }

    /// The words that a ledger serves ([`Vocabulary::encode`]), on top of this program's: what an id here means stays, so that a ledger
    /// that calls a person public makes no client show one.
    ///
    /// # Errors
    /// If it is not such a table.
    pub fn with_served(bytes: &[u8]) -> Result<Vocabulary, VocabularyError> {
        if bytes.len() > SERVED_BYTES_MAX {
            return Err(VocabularyError::Size(bytes.len()));
        }
        let served: File = serde_json::from_slice(bytes)?;
        let mut words = Vocabulary::builtin().clone();
        add_new(&mut words.common, served.common, |field| &field.name);
        add_new(&mut words.shapes, served.shapes, |shape| &shape.id);
        add_new(&mut words.categories, served.categories, |row| &row.id);
        add_new(&mut words.methods, served.methods, |row| &row.id);
        for row in served.kinds {
            match words.kinds.iter_mut().find(|kind| kind.id == row.id) {
                Some(kind) => add_new(&mut kind.fields, row.fields, |field| &field.name),
                None => words.add_kind(row)?,
            }
        }
        words.check_names()?;
        Ok(words)
    }

    /// Several files of a centre's, one on top of the other. The error says which.
    ///
    /// # Errors
    /// If one of them is not taken: its place among `files`, and why.
    pub fn with_files(files: &[&[u8]]) -> Result<Vocabulary, (usize, VocabularyError)> {
        let mut words = Vocabulary::builtin().clone();
        for (at, bytes) in files.iter().enumerate() {
            words.add(bytes, true).map_err(|error| (at, error))?;
        }
        Ok(words)
    }

    /// All words as one JSON object of the form of a file, which [`Vocabulary::with_served`] reads.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("words become JSON")
    }

    /// The words of one file alone.
    pub(super) fn read(bytes: &[u8]) -> Result<Vocabulary, VocabularyError> {
        let mut vocabulary = Vocabulary {
            kinds: Vec::new(),
            categories: Vec::new(),
            methods: Vec::new(),
            events: Vec::new(),
            shapes: Vec::new(),
            common: Vec::new(),
        };
        vocabulary.add(bytes, false)?;
        Ok(vocabulary)
    }

    fn add(&mut self, bytes: &[u8], is_extension: bool) -> Result<(), VocabularyError> {
        if bytes.len() > FILE_BYTES_MAX {
            return Err(VocabularyError::Size(bytes.len()));
        }
        let file: File = serde_json::from_slice(bytes)?;
        if let (true, Some(event)) = (is_extension, file.events.first()) {
            // The rules of law count from these; the list is closed.
            return Err(VocabularyError::Twice {
                place: "events".to_owned(),
                id: event.id.clone(),
            });
        }
        add_fields(&mut self.common, file.common, "common", is_extension)?;
        append(&mut self.shapes, file.shapes, "shapes", |s| &s.id)?;
        append(&mut self.categories, file.categories, "categories", |c| {
            &c.id
        })?;
        append(&mut self.methods, file.methods, "methods", |m| &m.id)?;
        append(&mut self.events, file.events, "events", |e| &e.id)?;
        for row in file.kinds {
            self.add_kind(row)?;
        }
        self.check_names()
    }

    fn add_kind(&mut self, row: KindRow) -> Result<(), VocabularyError> {
        if let Some(kind) = self.kinds.iter_mut().find(|kind| kind.id == row.id) {
            if !row.only_adds_fields() {
                return Err(VocabularyError::Twice {
                    place: "kinds".to_owned(),
                    id: row.id,
                });
            }
            let place = format!("kinds/{}", row.id);
            return add_fields(&mut kind.fields, row.fields, &place, true);
        }
        if row.zh.is_empty() || row.en.is_empty() {
            return Err(VocabularyError::Nameless(row.id));
        }
        let kind = Kind {
            id: row.id,
            stage: row.stage,
            zh: row.zh,
            en: row.en,
            platform_codes: row.platform_codes,
            source: row.source,
            ocds_tag: row.ocds_tag,
            ocds_section: row.ocds_section,
            fields: row.fields,
        };
        append(&mut self.kinds, vec![kind], "kinds", |k| &k.id)
    }

    /// Every name stands once, and whatever a field or a category names is there.
    fn check_names(&self) -> Result<(), VocabularyError> {
        let of_kinds = self.kinds.iter().map(|k| ("kinds", &k.id, &k.fields));
        let of_shapes = self.shapes.iter().map(|s| ("shapes", &s.id, &s.fields));
        for (what, id, fields) in of_kinds.chain(of_shapes) {
            let place = format!("{what}/{id}");
            let common = if what == "kinds" {
                &self.common[..]
            } else {
                &[]
            };
            let mut seen = HashSet::new();
            for field in fields.iter().chain(common) {
                // `extra` is the centre's own room in every statement.
                if !seen.insert(&field.name) || field.name == "extra" {
                    return Err(VocabularyError::Twice {
                        place,
                        id: field.name.clone(),
                    });
                }
                check_id("fields", &field.name)?;
                let shape = field.kind.shape().filter(|id| self.shape(id).is_none());
                let other = field.or.as_deref();
                let other = other.filter(|name| !fields.iter().any(|f| f.name == *name));
                if let Some(id) = shape.or(other) {
                    return Err(VocabularyError::Unknown {
                        place: format!("{place}/{}", field.name),
                        id: id.to_owned(),
                    });
                }
            }
        }
        for category in &self.categories {
            if let Some(id) = category.methods.iter().find(|id| self.method(id).is_none()) {
                return Err(VocabularyError::Unknown {
                    place: format!("categories/{}/methods", category.id),
                    id: id.clone(),
                });
            }
        }
        Ok(())
    }
}

fn add_fields(
    to: &mut Vec<Field>,
    fields: Vec<Field>,
    place: &str,
    is_extension: bool,
) -> Result<(), VocabularyError> {
    for field in fields {
        if is_extension && field.need == Need::Error {
            return Err(VocabularyError::Refuses {
                place: place.to_owned(),
                field: field.name,
            });
        }
        to.push(field);
    }
    Ok(())
}

/// Adds the rows whose id is not there yet.
fn add_new<T>(to: &mut Vec<T>, rows: Vec<T>, id: impl Fn(&T) -> &String) {
    for row in rows {
        if !to.iter().any(|there| id(there) == id(&row)) {
            to.push(row);
        }
    }
}

fn append<T>(
    to: &mut Vec<T>,
    rows: Vec<T>,
    place: &'static str,
    id: impl Fn(&T) -> &String,
) -> Result<(), VocabularyError> {
    for row in rows {
        check_id(place, id(&row))?;
        if to.iter().any(|there| id(there) == id(&row)) {
            return Err(VocabularyError::Twice {
                place: place.to_owned(),
                id: id(&row).clone(),
            });
        }
        to.push(row);
    }
    Ok(())
}

fn check_id(place: &'static str, id: &str) -> Result<(), VocabularyError> {
    let alphabet = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    if id.len() <= 64
        && id.starts_with(|c: char| c.is_ascii_lowercase())
        && id.bytes().all(alphabet)
    {
        return Ok(());
    }
    Err(VocabularyError::Id {
        place,
        id: id.to_owned(),
    })
}
