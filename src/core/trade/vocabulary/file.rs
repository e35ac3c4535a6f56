//! Reading a file of words: the one compiled in, and a centre's own on top of it.
//!
//! Promises: a centre's file adds and never changes what an id here means; what it may not do is said with its place.

use crate::lang::Bilingual;
use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use crate::trade::visible::{commands, one_line};

use super::{Category, Event, Field, Kind, Method, Need, Shape, Stage, Vocabulary};

/// The most bytes of a centre's file.
pub const FILE_BYTES_MAX: usize = 1 << 20;
/// The most bytes of the words that a ledger serves: ours, and some full files.
pub(crate) const SERVED_BYTES_MAX: usize = 8 << 20;

/// Kinds, shapes, fields, categories and methods of one file, at most; this program's own are 400.
pub(crate) const ROWS_MAX: usize = 20_000;
/// Bytes of a label or a source.
pub(crate) const LABEL_BYTES_MAX: usize = 1_000;

/// Why a file of words is not taken.
#[derive(Debug, thiserror::Error)]
pub enum VocabularyError {
    /// It is too large.
    #[error("the file has {bytes} bytes, wanted at most {bytes_max}")]
    Size {
        /// Its bytes.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// It has more rows than anybody reads.
    #[error(
        "there are {rows} kinds, shapes, fields, categories and methods, wanted at most {ROWS_MAX}"
    )]
    Rows {
        /// How many.
        rows: usize,
    },
    /// A label or a source is no line of text.
    #[error(
        "{place}: a name, label or source has {bytes} bytes or a control character, wanted one line of at most {LABEL_BYTES_MAX} bytes"
    )]
    Label {
        /// Where.
        place: String,
        /// Its bytes.
        bytes: usize,
    },
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
            VocabularyError::Size { .. }
            | VocabularyError::Rows { .. }
            | VocabularyError::Label { .. } => return None,
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
}

impl Bilingual for VocabularyError {
    fn zh(&self) -> String {
        match self {
            VocabularyError::Size { bytes, bytes_max } => {
                format!("文件有 {bytes} 字节，最多 {bytes_max} 字节")
            }
            VocabularyError::Rows { rows } => {
                format!("类型、结构、字段、类别、方式共 {rows} 项，最多 {ROWS_MAX} 项")
            }
            VocabularyError::Label { place, bytes } => format!(
                "{place}：名称或来源有 {bytes} 字节或含控制字符，应为一行，最多 {LABEL_BYTES_MAX} 字节"
            ),
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
    /// use mingzhang_core::trade::vocabulary::Vocabulary;
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
            return Err(VocabularyError::Size {
                bytes: bytes.len(),
                bytes_max: SERVED_BYTES_MAX,
            });
        }
        let served: File = serde_json::from_slice(bytes)?;
        check_bounds(&served)?;
        let mut words = Vocabulary::builtin().clone();
        add_new(&mut words.common, served.common, |field| &field.name);
        add_new(&mut words.shapes, served.shapes, |shape| &shape.id);
        add_new(&mut words.categories, served.categories, |row| &row.id);
        add_new(&mut words.methods, served.methods, |row| &row.id);
        let mut known = places(&words.kinds);
        for row in served.kinds {
            match known.get(&row.id) {
                Some(at) => add_new(&mut words.kinds[*at].fields, row.fields, |field| {
                    &field.name
                }),
                None => words.add_kind(row, &mut known)?,
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
            return Err(VocabularyError::Size {
                bytes: bytes.len(),
                bytes_max: FILE_BYTES_MAX,
            });
        }
        let file: File = serde_json::from_slice(bytes)?;
        check_bounds(&file)?;
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
        let mut known = places(&self.kinds);
        for row in file.kinds {
            self.add_kind(row, &mut known)?;
        }
        self.check_names()
    }

    /// `known` says where each kind is, so that many are as quick as few.
    fn add_kind(
        &mut self,
        row: KindRow,
        known: &mut HashMap<String, usize>,
    ) -> Result<(), VocabularyError> {
        if let Some(at) = known.get(&row.id) {
            let kind = &mut self.kinds[*at];
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
        check_id("kinds", &kind.id)?;
        known.insert(kind.id.clone(), self.kinds.len());
        self.kinds.push(kind);
        Ok(())
    }

    /// Every name stands once, and whatever a field or a category names is there.
    fn check_names(&self) -> Result<(), VocabularyError> {
        let of_kinds = self.kinds.iter().map(|k| ("kinds", &k.id, &k.fields));
        let of_shapes = self.shapes.iter().map(|s| ("shapes", &s.id, &s.fields));
        let shapes: HashSet<&str> = self.shapes.iter().map(|s| s.id.as_str()).collect();
        let methods: HashSet<&str> = self.methods.iter().map(|m| m.id.as_str()).collect();
        for (what, id, fields) in of_kinds.chain(of_shapes) {
            let place = format!("{what}/{id}");
            let common = if what == "kinds" {
                &self.common[..]
            } else {
                &[]
            };
            let names: HashSet<&str> = fields.iter().map(|f| f.name.as_str()).collect();
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
                let shape = field.kind.shape().filter(|id| !shapes.contains(id));
                let other = field.or.as_deref();
                let other = other.filter(|name| !names.contains(name));
                if let Some(id) = shape.or(other) {
                    return Err(VocabularyError::Unknown {
                        place: format!("{place}/{}", field.name),
                        id: id.to_owned(),
                    });
                }
            }
        }
        for category in &self.categories {
            if let Some(id) = category
                .methods
                .iter()
                .find(|id| !methods.contains(id.as_str()))
            {
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

fn places(kinds: &[Kind]) -> HashMap<String, usize> {
    let places = kinds.iter().enumerate();
    places.map(|(at, kind)| (kind.id.clone(), at)).collect()
}

/// What is read is walked by every client and for every statement; so is what a ledger serves, which nobody here has chosen.
fn check_bounds(file: &File) -> Result<(), VocabularyError> {
    let of_kinds = file.kinds.iter().map(|kind| kind.fields.len());
    let of_shapes = file.shapes.iter().map(|shape| shape.fields.len());
    let fields: usize = of_kinds.chain(of_shapes).sum();
    let rows = fields
        + file.common.len()
        + file.kinds.len()
        + file.shapes.len()
        + file.categories.len()
        + file.methods.len()
        + file.events.len();
    if rows > ROWS_MAX {
        return Err(VocabularyError::Rows { rows });
    }
    let check = |place: &str, labels: &[&String]| {
        let is_line =
            |label: &String| label.len() <= LABEL_BYTES_MAX && !label.chars().any(commands);
        match labels.iter().find(|label| !is_line(label)) {
            None => Ok(()),
            Some(label) => Err(VocabularyError::Label {
                place: one_line(&place.chars().take(64).collect::<String>()).into_owned(),
                bytes: label.len(),
            }),
        }
    };
    for kind in &file.kinds {
        check(&kind.id, &[&kind.id, &kind.zh, &kind.en, &kind.source])?;
        check(&kind.id, &[&kind.ocds_tag, &kind.ocds_section])?;
        kind.platform_codes
            .iter()
            .try_for_each(|code| check(&kind.id, &[code]))?;
    }
    for shape in &file.shapes {
        check(&shape.id, &[&shape.id, &shape.zh, &shape.en])?;
    }
    let of_kinds = file.kinds.iter().flat_map(|kind| &kind.fields);
    let of_shapes = file.shapes.iter().flat_map(|shape| &shape.fields);
    for field in of_kinds.chain(of_shapes).chain(&file.common) {
        check(
            &field.name,
            &[&field.name, &field.zh, &field.en, &field.source],
        )?;
        let shape = field.kind.shape().unwrap_or_default().to_owned();
        check(&field.name, &[&shape])?;
        field
            .codes
            .iter()
            .chain(&field.or)
            .try_for_each(|code| check(&field.name, &[code]))?;
    }
    for category in &file.categories {
        check(&category.id, &[&category.id, &category.zh, &category.en])?;
    }
    for method in &file.methods {
        check(&method.id, &[&method.id, &method.zh, &method.en])?;
    }
    Ok(())
}

/// Adds the rows whose id is not there yet.
fn add_new<T>(to: &mut Vec<T>, rows: Vec<T>, id: impl Fn(&T) -> &String) {
    let mut there: HashSet<String> = to.iter().map(|row| id(row).clone()).collect();
    for row in rows {
        if there.insert(id(&row).clone()) {
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
    let mut there: HashSet<String> = to.iter().map(|row| id(row).clone()).collect();
    for row in rows {
        check_id(place, id(&row))?;
        if !there.insert(id(&row).clone()) {
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
