//! Danger: the map of the house says one thing and the house another: a room imports from a room below it, files of one room need each
//! other in a circle, a crate comes in by a second door, an invariant names a test that is gone.
//!
//! The rules are read from `docs/ARCHITECTURE.md`, so that page and test cannot differ. What is read is the text of `src/`, without
//! comments, strings and tests. An arrow goes from a file to the file where a name that it uses is defined: `use` and re-exports are
//! followed. A folder is one thing to its neighbours. Within it, what its files have from their own `mod.rs` (a handle, a constant that all
//! share) is no arrow, nor is what `mod.rs` hands on or calls of them: it stands above its files as their conductor. Method calls are not seen.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Modules in circles that are still to be opened. The test fails on a new one, and on one of these that has become free.
const CIRCLES_KNOWN: &[&str] = &[];

/// Files that use a room below their own, and the file of it: still to be mended.
const CLIMBS_KNOWN: &[(&str, &str)] = &[];

#[test]
fn rooms_import_only_what_the_map_says() {
    let (house, map) = (House::read(&sources()), architecture());
    let rooms = rooms(&map);
    let mut wrong = Vec::new();
    for (at, room) in rooms.iter().enumerate() {
        for place in &room.places {
            if !Path::new(env!("CARGO_MANIFEST_DIR")).join(place).exists() {
                wrong.push(format!("the map has a room {place}, which is not there"));
            }
        }
        for name in &room.imports {
            if !rooms[..at].iter().any(|above| above.names.contains(name)) {
                wrong.push(format!(
                    "{:?} may import {name}, which is not above it",
                    room.names
                ));
            }
        }
    }
    let (mut used, mut climbs) = (BTreeSet::new(), BTreeSet::new());
    for (from, to, name) in house.arrows(true) {
        let Some(at) = room_of(&rooms, &from) else {
            if !OUTSIDE_ROOMS.contains(&from.as_str()) {
                wrong.push(format!("{from} is in no room of the map"));
            }
            continue;
        };
        let Some(target) = room_of(&rooms, &to).filter(|target| *target != at) else {
            continue;
        };
        if CLIMBS_KNOWN.contains(&(from.as_str(), to.as_str())) {
            climbs.insert((from, to));
            continue;
        }
        let target_names = &rooms[target].names;
        used.insert((at, target));
        if target > at {
            wrong.push(format!(
                "{from} imports {name} of {to}: a room below its own"
            ));
        } else if !rooms[at].imports_all
            && !rooms[target].is_for_all
            && !rooms[at]
                .imports
                .iter()
                .any(|name| target_names.contains(name))
        {
            wrong.push(format!(
                "{from} imports {name} of {to}, which the map does not say"
            ));
        }
    }
    for (from, to) in CLIMBS_KNOWN {
        if !climbs.contains(&((*from).to_owned(), (*to).to_owned())) {
            wrong.push(format!(
                "{from} no longer uses {to}: take it from CLIMBS_KNOWN"
            ));
        }
    }
    for (at, room) in rooms.iter().enumerate() {
        for name in &room.imports {
            let uses = |(from, to): &(usize, usize)| *from == at && rooms[*to].names.contains(name);
            if !used.iter().any(uses) {
                wrong.push(format!(
                    "{:?} no longer imports {name}, as the map says",
                    room.names
                ));
            }
        }
    }
    told(wrong);
}

/// The roots of the crates, which put the rooms together.
const OUTSIDE_ROOMS: &[&str] = &[
    "src/lib.rs",
    "src/main.rs",
    "src/core/lib.rs",
    "src/core/examples/verify_offline.rs",
];

#[test]
fn no_files_of_a_room_need_each_other_in_a_circle() {
    let house = House::read(&sources());
    let rooms = rooms(&architecture());
    let inside: Vec<_> = house
        .arrows(false)
        .iter()
        .filter(|(from, to, _)| room_of(&rooms, from) == room_of(&rooms, to))
        .filter_map(|arrow| house.side_by_side(arrow))
        .collect();
    let mut wrong = Vec::new();
    let mut in_circles = BTreeSet::new();
    for circle in circles(&inside) {
        if circle
            .iter()
            .any(|place| !CIRCLES_KNOWN.contains(&place.as_str()))
        {
            let arrows = inside
                .iter()
                .filter(|(from, to, _)| circle.contains(from) && circle.contains(to));
            let arrows: Vec<&str> = arrows.map(|(_, _, told)| told.as_str()).collect();
            wrong.push(format!(
                "a circle of {}:\n    {}",
                circle.join(", "),
                arrows.join("\n    ")
            ));
        }
        in_circles.extend(circle);
    }
    for file in CIRCLES_KNOWN
        .iter()
        .filter(|file| !in_circles.contains(**file))
    {
        wrong.push(format!(
            "{file} is in no circle any more: take it from CIRCLES_KNOWN"
        ));
    }
    told(wrong);
}

#[test]
fn there_is_one_door_to_each_thing_outside() {
    let house = House::read(&sources());
    let mut wrong = Vec::new();
    let mut doors = 0;
    for row in table(&architecture(), "One door to each thing outside") {
        let (things, places) = (quoted(&row[0]), quoted(&row[1]));
        for thing in things {
            doors += 1;
            let mut uses: Vec<&String> = house
                .files
                .iter()
                .filter(|(_, file)| file.names(&thing))
                .map(|(path, _)| path)
                .collect();
            if uses.is_empty() {
                wrong.push(format!(
                    "nothing uses {thing}, for which the map has a door"
                ));
            }
            for place in &places {
                if !uses
                    .iter()
                    .any(|path| path.starts_with(&format!("src/{place}")))
                {
                    wrong.push(format!(
                        "{place} is said to be a door to {thing}, and does not use it"
                    ));
                }
            }
            uses.retain(|path| {
                !places
                    .iter()
                    .any(|place| path.starts_with(&format!("src/{place}")))
            });
            for path in uses {
                wrong.push(format!("{path} uses {thing}, whose door is {places:?}"));
            }
        }
    }
    assert!(doors > 8, "only {doors} doors were read from the map");
    told(wrong);
}

/// Every path in backticks on these pages is there, and every name in backticks in parentheses after a path, or beside it in the same cell
/// of a table, is a function of that file.
#[test]
fn each_file_and_test_that_the_pages_name_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut wrong = Vec::new();
    let (mut paths, mut functions) = (0, 0);
    for page in ["docs/ARCHITECTURE.md", "docs/tamper-gallery.md"] {
        let text = fs::read_to_string(root.join(page)).unwrap();
        for cell in text.lines().flat_map(|line| line.split(" | ")) {
            let mut file = None;
            for word in quoted(cell) {
                if ["src/", "tests/", "docs/", "fuzz/", "examples/"]
                    .iter()
                    .any(|top| word.starts_with(top))
                {
                    paths += 1;
                    let path = root.join(word.split(['*', '{']).next().unwrap());
                    if !path.exists() {
                        wrong.push(format!("{page} names {word}, which is not there"));
                    }
                    file = word.ends_with(".rs").then_some(path);
                } else if let Some(file) = file.as_ref().filter(|path| path.exists())
                    && word.contains('_')
                    && word.bytes().all(|byte| {
                        byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
                    })
                {
                    functions += 1;
                    if !fs::read_to_string(file)
                        .unwrap()
                        .contains(&format!("fn {word}("))
                    {
                        wrong.push(format!("{page}: no function {word} in {}", file.display()));
                    }
                }
            }
        }
    }
    assert!(
        paths > 100 && functions > 40,
        "only {paths} paths and {functions} functions were read"
    );
    told(wrong);
}

/// Canaries: each thing that is looked for is found where it is.
#[test]
fn a_circle_a_climb_and_a_second_door_are_found() {
    let house = |files: &[(&str, &str)]| {
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
            .collect();
        House::read(&files)
    };
    let found = |files: &[(&str, &str)]| {
        let house = house(files);
        let arrows = house.arrows(false);
        let arrows: Vec<_> = arrows
            .iter()
            .filter_map(|arrow| house.side_by_side(arrow))
            .collect();
        circles(&arrows)
    };
    let root = ("src/lib.rs", "mod room;\nmod below;");
    // By a use, by a path in the text, and through what the parent hands on.
    for (a, b) in [
        (
            "use super::b::B; fn a() {}",
            "use crate::room::a::a; struct B;",
        ),
        (
            "fn a() { super::b::b(); }",
            "pub fn b() { crate::room::a::a() }",
        ),
        (
            "use super::{B as C, a}; fn a() {}",
            "use super::a; struct B; fn b() { a::a() }",
        ),
        (
            "use super::b; struct A(b::B);",
            "use {super::{a::{self}}}; struct B(Box<a::A>);",
        ),
    ] {
        let parent = "//! Hands on.\nmod a; mod b;\npub use b::B;\npub use a::*;";
        let circles = found(&[
            root,
            ("src/room/mod.rs", parent),
            ("src/room/a.rs", a),
            ("src/room/b.rs", b),
        ]);
        assert_eq!(circles.len(), 1, "{a} {b}");
        assert_eq!(circles[0], ["room::a", "room::b"], "{a} {b}");
    }
    // A folder is one thing to its neighbours; what its files have from its own `mod.rs` ties nothing.
    for (neighbour, deep, wanted) in [
        (
            "use super::room::deep::D;",
            "use super::Handle; pub struct D;",
            0,
        ),
        (
            "use super::room::Handle; pub struct N;",
            "use crate::beside::N; pub struct D;",
            1,
        ),
        (
            "use super::room::Handle; pub struct N;",
            "// use crate::beside::N;\nconst TEXT: &str = \"crate::beside::N\";",
            0,
        ),
        (
            "use super::room::Handle; pub struct N;",
            "#[cfg(test)] mod tests { use crate::beside::N; }",
            0,
        ),
        (
            "use super::room::Handle; pub struct N;",
            "fn a<'a>(_: &'a str) { let _ = ('\"', crate::beside::N); }",
            1,
        ),
    ] {
        let parent = "mod deep; use deep::D; pub struct Handle(D);";
        let circles = found(&[
            root,
            ("src/room/mod.rs", parent),
            ("src/room/deep.rs", deep),
            ("src/beside.rs", neighbour),
        ]);
        assert_eq!(circles.len(), wanted, "{neighbour} {deep}");
    }

    let climbing = house(&[
        root,
        ("src/room.rs", "use crate::below::Thing;"),
        ("src/below.rs", "pub struct Thing;"),
    ]);
    let climbs = climbing.arrows(true);
    assert_eq!(
        climbs,
        [(
            "src/room.rs".to_owned(),
            "src/below.rs".to_owned(),
            "Thing".to_owned()
        )]
    );
    let map = "## The rooms\n\n| room | what | imports |\n| --- | --- | --- |\n| `src/room.rs` | x | nothing |\n| `src/below.rs` | x | `room` |\n";
    let rooms = rooms(map);
    assert_eq!(
        (
            room_of(&rooms, "src/room.rs"),
            room_of(&rooms, "src/below.rs")
        ),
        (Some(0), Some(1))
    );
    assert_eq!(rooms[1].imports, ["room"]);
    assert!(has_word("let x = sled::open(y);", "sled") && !has_word("assembled(y)", "sled"));
}

#[track_caller]
fn told(wrong: Vec<String>) {
    assert!(
        wrong.is_empty(),
        "{} things are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

// The map.

struct Room {
    /// Folders with a slash at their end, or files.
    places: Vec<String>,
    /// What others call it: the last part of each place.
    names: Vec<String>,
    imports: Vec<String>,
    imports_all: bool,
    /// "every room may use it".
    is_for_all: bool,
}

fn architecture() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ARCHITECTURE.md")).unwrap()
}

fn rooms(map: &str) -> Vec<Room> {
    let rooms: Vec<Room> = table(map, "## The rooms")
        .iter()
        .map(|row| {
            let places = quoted(&row[0]);
            let name = |place: &String| {
                place
                    .trim_end_matches('/')
                    .trim_end_matches(".rs")
                    .rsplit('/')
                    .next()
                    .unwrap()
                    .to_owned()
            };
            Room {
                names: places.iter().map(name).collect(),
                imports: quoted(&row[2]),
                imports_all: row[2].trim() == "all of them",
                is_for_all: row[1].contains("every room may use it"),
                places,
            }
        })
        .collect();
    assert!(!rooms.is_empty(), "the map has no table of rooms");
    rooms
}

fn room_of(rooms: &[Room], file: &str) -> Option<usize> {
    rooms
        .iter()
        .position(|room| room.places.iter().any(|place| file.starts_with(place)))
}

/// The cells of the rows of the first table after the line that begins so.
fn table(page: &str, after: &str) -> Vec<Vec<String>> {
    page.lines()
        .skip_while(|line| !line.starts_with(after))
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| {
            line.trim_matches('|')
                .split(" | ")
                .map(str::to_owned)
                .collect()
        })
        .collect()
}

/// What stands in backticks.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

// The house.

/// All Rust of `src/`, as (path in the repository, text).
fn sources() -> Vec<(String, String)> {
    fn walk(folder: &Path, root: &Path, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path
                    .strip_prefix(root)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    walk(&root.join("src"), root, &mut found);
    found.sort();
    assert!(found.len() > 100, "only {} files", found.len());
    found
}

/// A module is named by its path: `ledger::writer`; the core is a module too, `core`, and the root of its own `crate::`.
#[derive(Default)]
struct House {
    files: BTreeMap<String, File>,
    of_module: BTreeMap<String, String>,
}

struct File {
    module: String,
    /// Without comments, strings and tests; `use` declarations are taken out too.
    code: String,
    uses: Vec<Use>,
    words: Vec<Vec<String>>,
    defines: BTreeSet<String>,
}

impl File {
    /// Does it name this crate, or this type?
    fn names(&self, thing: &str) -> bool {
        let is_crate = thing.starts_with(|first: char| first.is_ascii_lowercase());
        let is = |word: &String| word == thing;
        let mut words = self.uses.iter().map(|one| &one.path).chain(&self.words);
        if is_crate {
            words.any(|words| is(&words[0]))
        } else {
            has_word(&self.code, thing) || words.any(|words| words.iter().any(is))
        }
    }
}

struct Use {
    path: Vec<String>,
    name: String,
    handed_on: bool,
}

/// Where a path leads: a module, and the item of it if it is not the module itself.
type Target = (String, Option<String>);

impl House {
    fn read(sources: &[(String, String)]) -> House {
        let mut house = House::default();
        let mut of_tests = BTreeSet::new();
        for (path, text) in sources {
            let (code, test_modules) = without_tests(&without_words(text));
            let folder = match path.rsplit_once('/') {
                Some((folder, "mod.rs" | "lib.rs" | "main.rs")) => folder.to_owned(),
                _ => path.trim_end_matches(".rs").to_owned(),
            };
            let beside = path.rsplit_once('/').map_or("", |(beside, _)| beside);
            for name in test_modules {
                of_tests.insert(format!("{folder}/{name}"));
                // `#[path = "x_tests.rs"] mod tests;` lies beside its file.
                let own = path.trim_end_matches(".rs").rsplit('/').next().unwrap();
                of_tests.insert(format!("{beside}/{own}_{name}"));
            }
            let module = folder
                .trim_start_matches("src")
                .trim_start_matches('/')
                .replace('/', "::");
            let module = if path == "src/main.rs" {
                "main".to_owned()
            } else {
                module
            };
            let (code, uses) = without_uses(&code);
            let file = File {
                words: paths(&code),
                defines: defined(&code),
                module,
                code,
                uses,
            };
            house.of_module.insert(file.module.clone(), path.clone());
            house.files.insert(path.clone(), file);
        }
        let is_test = |path: &str| {
            of_tests.iter().any(|test| {
                path.strip_prefix(test)
                    .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
            })
        };
        house.files.retain(|path, _| !is_test(path));
        house.of_module.retain(|_, path| !is_test(path));
        house
    }

    /// (file, file whose name it uses, name). What is handed on is an arrow between rooms, and none within one.
    fn arrows(&self, handing_on: bool) -> Vec<(String, String, String)> {
        let mut arrows = BTreeSet::new();
        for (path, file) in &self.files {
            let used = file
                .uses
                .iter()
                .filter(|one| handing_on || !self.hands_on(file, one));
            for words in used.map(|one| &one.path).chain(&file.words) {
                let Some((module, Some(item))) = self.resolve(&file.module, words, 0) else {
                    continue;
                };
                if module == file.module
                    || (!handing_on && file.module.starts_with(&under(&module)))
                {
                    continue;
                }
                arrows.insert((path.clone(), self.of_module[&module].clone(), item));
            }
        }
        arrows.into_iter().collect()
    }

    /// An arrow as those see it who stand in one folder: a folder is one thing to its neighbours, and what leads from a `mod.rs` to its own
    /// files, or stays within one neighbour, is no arrow here.
    fn side_by_side(
        &self,
        (from, to, name): &(String, String, String),
    ) -> Option<(String, String, String)> {
        let (from_module, to_module) = (&self.files[from].module, &self.files[to].module);
        let (mut from_words, mut to_words) = (from_module.split("::"), to_module.split("::"));
        let mut above = String::new();
        loop {
            let (from_word, to_word) = (from_words.next()?, to_words.next()?);
            if from_word != to_word {
                let told = format!("{from} uses {name} of {to}");
                return Some((
                    format!("{above}{from_word}"),
                    format!("{above}{to_word}"),
                    told,
                ));
            }
            above = format!("{above}{from_word}::");
        }
    }

    /// `pub use child::Name` in a parent, and what children take from there again.
    fn hands_on(&self, file: &File, one: &Use) -> bool {
        let target = self.resolve(&file.module, &one.path, 0);
        one.handed_on && target.is_some_and(|(module, _)| module.starts_with(&under(&file.module)))
    }

    fn resolve(&self, from: &str, words: &[String], depth: usize) -> Option<Target> {
        let mut at = from.to_owned();
        let mut words = words.iter();
        let mut first = true;
        while let Some(word) = words.next() {
            let child = if at.is_empty() {
                word.clone()
            } else {
                format!("{at}::{word}")
            };
            match word.as_str() {
                "crate" if at == "core" || at.starts_with("core::") => at = "core".to_owned(),
                "crate" | "mingzhang" if first => at = String::new(),
                "mingzhang_core" if first => at = "core".to_owned(),
                "self" => {}
                "super" => {
                    at = at
                        .rsplit_once("::")
                        .map_or("", |(parent, _)| parent)
                        .to_owned()
                }
                _ if self.of_module.contains_key(&child) => at = child,
                _ => {
                    let file = &self.files[self.of_module.get(&at)?];
                    let rest: Vec<String> = words.cloned().collect();
                    if file.defines.contains(word) && !(first && rest.is_empty()) {
                        return Some((at, Some(word.clone())));
                    }
                    if depth > 8 {
                        return None;
                    }
                    // A name that this module has from elsewhere, or everything of another module.
                    for one in file.uses.iter().filter(|one| one.name == *word) {
                        // `use tlog::x` of itself leads nowhere new.
                        let whole = [&one.path[..], &rest[..]].concat();
                        if let Some(found) = self.resolve(&at, &whole, depth + 1) {
                            return Some(found);
                        }
                    }
                    for one in file.uses.iter().filter(|one| one.name == "*") {
                        if let Some((module, None)) = self.resolve(&at, &one.path, depth + 1)
                            && module != at
                            && let Some(globbed) = self.of_module.get(&module)
                            && (self.files[globbed].defines.contains(word)
                                || self.files[globbed]
                                    .uses
                                    .iter()
                                    .any(|inner| inner.name == *word))
                        {
                            return self.resolve(
                                &module,
                                &[&["self".to_owned(), word.clone()][..], &rest].concat(),
                                depth + 1,
                            );
                        }
                    }
                    return None;
                }
            }
            first = false;
        }
        Some((at, None))
    }
}

/// How the names of the modules inside this one begin.
fn under(module: &str) -> String {
    if module.is_empty() {
        String::new()
    } else {
        format!("{module}::")
    }
}

/// Comments, strings and characters become spaces; line ends stay.
fn without_words(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let word_before =
            at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
        let raw = rest.strip_prefix(b"b").unwrap_or(rest);
        let hashes = raw
            .strip_prefix(b"r")
            .map(|raw| raw.iter().take_while(|byte| **byte == b'#').count());
        let length = if rest.starts_with(b"//") {
            rest.iter()
                .position(|byte| *byte == b'\n')
                .unwrap_or(rest.len())
        } else if rest.starts_with(b"/*") {
            find(rest, b"*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(hashes) =
            hashes.filter(|hashes| !word_before && raw.get(1 + hashes) == Some(&b'"'))
        {
            let open = rest.len() - raw.len() + hashes + 2;
            let close = [&b"\""[..], &b"#".repeat(hashes)].concat();
            find(&rest[open..], &close).map_or(rest.len(), |end| open + end + close.len())
        } else if rest[0] == b'"' {
            quoted_length(rest, b'"')
        } else if rest[0] == b'\'' && (rest.get(1) == Some(&b'\\') || character(rest)) {
            quoted_length(rest, b'\'')
        } else {
            code.push(bytes[at]);
            at += 1;
            continue;
        };
        code.extend(
            rest[..length]
                .iter()
                .map(|byte| if *byte == b'\n' { b'\n' } else { b' ' }),
        );
        at += length;
    }
    String::from_utf8_lossy(&code).into_owned()
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

/// Is this quote a character's, not a lifetime's?
fn character(rest: &[u8]) -> bool {
    let text = String::from_utf8_lossy(&rest[1..rest.len().min(6)]).into_owned();
    text.chars().nth(1) == Some('\'')
}

fn quoted_length(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 1,
            byte if byte == quote => return at + 1,
            _ => {}
        }
        at += 1;
    }
    rest.len()
}

/// Takes out what is compiled for tests only, and tells which files are.
fn without_tests(code: &str) -> (String, Vec<String>) {
    let (mut left, mut rest, mut modules) = (String::new(), code, Vec::new());
    while let Some(at) = rest.find("#[cfg(test)]") {
        left.push_str(&rest[..at]);
        rest = &rest[at..];
        let (open, stop) = (rest.find('{'), rest.find(';'));
        let end = match (open, stop) {
            (Some(open), stop) if stop.is_none_or(|stop| open < stop) => {
                open + closed(&rest[open..])
            }
            (_, Some(stop)) => {
                let item = &rest[..stop];
                if let Some((_, name)) = item.split_once("mod ") {
                    modules.push(name.trim().to_owned());
                }
                stop + 1
            }
            _ => rest.len(),
        };
        rest = &rest[end..];
    }
    left.push_str(rest);
    (left, modules)
}

/// How long the braces that begin here are.
fn closed(code: &str) -> usize {
    let mut depth = 0;
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return at + 1,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The words and signs of code: names, `::`, and each other character for itself.
fn tokens(code: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if is_word(first) {
            rest.find(|character| !is_word(character))
                .unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        tokens.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    tokens
}

fn has_word(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        !code[..at].chars().next_back().is_some_and(is_word)
            && !code[at + word.len()..].chars().next().is_some_and(is_word)
    })
}

/// Takes out `use` declarations and reads them.
fn without_uses(code: &str) -> (String, Vec<Use>) {
    let (mut left, mut uses) = (String::new(), Vec::new());
    let mut begin = 0;
    for (at, _) in code.match_indices("use ") {
        let before = code[..at].trim_end();
        let declares = before.is_empty()
            || before.ends_with([';', '}', '{', ']', ')'])
            || before.ends_with("pub");
        if at < begin || !declares || code[..at].ends_with(is_word) {
            continue;
        }
        let Some(end) = code[at..].find(';') else {
            continue;
        };
        let handed_on = before.ends_with("pub")
            || before.ends_with(')')
                && before
                    .rfind("pub(")
                    .is_some_and(|pub_at| !before[pub_at..].contains([';', '}']));
        left.push_str(&code[begin..at]);
        let tree = tokens(&code[at + 4..at + end]);
        read_tree(&tree, &[], handed_on, &mut uses);
        begin = at + end;
    }
    left.push_str(&code[begin..]);
    (left, uses)
}

/// One tree of a `use`: a path, perhaps with `{…}` or `as name` at its end.
fn read_tree(tree: &[&str], above: &[String], handed_on: bool, uses: &mut Vec<Use>) {
    let mut path = above.to_vec();
    let mut at = 0;
    while at < tree.len() {
        match tree[at] {
            "::" => {}
            "{" => {
                let (mut depth, mut begin) = (0, at + 1);
                for (place, token) in tree.iter().enumerate().skip(at) {
                    match *token {
                        "{" => depth += 1,
                        "}" => depth -= 1,
                        _ => {}
                    }
                    if (depth == 1 && *token == ",") || depth == 0 {
                        read_tree(&tree[begin..place], &path, handed_on, uses);
                        begin = place + 1;
                    }
                    if depth == 0 {
                        return;
                    }
                }
            }
            "*" => {
                uses.push(Use {
                    path,
                    name: "*".to_owned(),
                    handed_on,
                });
                return;
            }
            "as" => break,
            word => path.push(word.to_owned()),
        }
        at += 1;
    }
    if path.len() == above.len() {
        return; // After a last comma.
    }
    if path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    let name = tree
        .get(at + 1)
        .map_or_else(|| path.last().unwrap().clone(), |name| (*name).to_owned());
    uses.push(Use {
        path,
        name,
        handed_on,
    });
}

/// Every path of two words or more in code.
fn paths(code: &str) -> Vec<Vec<String>> {
    let tokens = tokens(code);
    let (mut found, mut path) = (Vec::new(), Vec::<String>::new());
    for (at, token) in tokens.iter().enumerate() {
        let joined = at > 0 && tokens[at - 1] == "::";
        if *token == "::" {
            continue;
        }
        if !joined {
            if path.len() > 1 {
                found.push(std::mem::take(&mut path));
            }
            path.clear();
            let field = at > 0 && tokens[at - 1] == ".";
            if token.chars().all(is_word) && !field {
                path.push((*token).to_owned());
            }
        } else if token.chars().all(is_word) && !path.is_empty() {
            path.push((*token).to_owned());
        }
    }
    if path.len() > 1 {
        found.push(path);
    }
    found.sort();
    found.dedup();
    found
}

fn defined(code: &str) -> BTreeSet<String> {
    let tokens = tokens(code);
    let kinds = [
        "fn", "struct", "enum", "trait", "type", "const", "static", "union",
    ];
    let named = tokens
        .windows(2)
        .filter(|pair| kinds.contains(&pair[0]))
        .map(|pair| pair[1].to_owned());
    let macros = tokens
        .windows(3)
        .filter(|three| three[0] == "macro_rules")
        .map(|three| three[2].to_owned());
    named.chain(macros).collect()
}

/// The files that can be reached from themselves, each circle in order, by a walk from each file: there are few.
fn circles(arrows: &[(String, String, String)]) -> Vec<Vec<String>> {
    let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (from, to, _) in arrows {
        next.entry(from).or_default().insert(to);
    }
    let reached = |from: &str| {
        let (mut seen, mut todo) = (BTreeSet::new(), vec![from.to_owned()]);
        while let Some(at) = todo.pop() {
            for to in next.get(at.as_str()).into_iter().flatten() {
                if seen.insert((*to).to_owned()) {
                    todo.push((*to).to_owned());
                }
            }
        }
        seen
    };
    let reach: BTreeMap<&str, BTreeSet<String>> =
        next.keys().map(|file| (*file, reached(file))).collect();
    let mut found: Vec<Vec<String>> = Vec::new();
    for (file, to) in reach.iter().filter(|(file, to)| to.contains(**file)) {
        if found
            .iter()
            .any(|circle| circle.iter().any(|one| one == file))
        {
            continue;
        }
        let circle = to.iter().filter(|other| {
            reach
                .get(other.as_str())
                .is_some_and(|back| back.contains(*file))
        });
        found.push(circle.cloned().collect());
    }
    found
}
