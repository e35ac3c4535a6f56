//! What a field is judged by of which nothing but the name is known: its kind does not have it, or the kind is unknown. The door warns by
//! this and the guard of a posting client commits by it, so that after the guard the door is silent.

use super::{Class, Vocabulary};

/// The class of a field that the kind does not have: of an unknown kind's the strictest that the name has anywhere; of a known kind's
/// the same if it is public nowhere; of what is a centre's own, persons only.
pub(in crate::trade) fn class_by_name(
    words: &Vocabulary,
    name: &str,
    pointer: &str,
    kind_is_known: bool,
) -> Class {
    let strictness = |class: &Class| match class {
        Class::Public => 0,
        Class::Person => 1,
        Class::TradeSecret => 2,
        Class::Withheld => 3,
        Class::Privacy => 4,
    };
    let strictest = words.classes_of_name(name).max_by_key(strictness);
    let is_public = || {
        words
            .classes_of_name(name)
            .any(|class| class == Class::Public)
    };
    match strictest.unwrap_or(Class::Public) {
        Class::Person => Class::Person,
        _ if is_extra(pointer) || kind_is_known && is_public() => Class::Public,
        class => class,
    }
}

/// Whether a value here may be a person's name: everywhere but in what is a centre's own, and there where the member's name says so.
pub(in crate::trade) fn may_name_person(name: &str, pointer: &str) -> bool {
    is_for_persons(name) || !is_extra(pointer)
}

impl Vocabulary {
    /// The classes that kinds and forms of objects give to fields of this name: what a field is judged by of which nothing else is known.
    fn classes_of_name<'v>(&'v self, name: &'v str) -> impl Iterator<Item = Class> + 'v {
        let fields = self.kinds.iter().flat_map(|kind| &kind.fields);
        let fields = fields.chain(self.shapes.iter().flat_map(|shape| &shape.fields));
        let fields = fields.chain(&self.common);
        fields
            .filter(move |field| field.name == name)
            .map(|field| field.class)
    }
}

/// Whether a member's name says that a person stands there.
fn is_for_persons(name: &str) -> bool {
    const WORDS: [&str; 18] = [
        "person",
        "contact",
        "manager",
        "expert",
        "leader",
        "agent",
        "member",
        "linkman",
        "lxr",
        "xmjl",
        "fzr",
        "author",
        "director",
        "engineer",
        "representative",
        "owner",
        "who",
        "judge",
    ];
    WORDS.iter().any(|word| name.contains(word))
}

/// Whether a pointer leads into `details.extra`, where a centre keeps what is its own; only persons are looked for in it.
fn is_extra(pointer: &str) -> bool {
    pointer.starts_with("/details/extra")
}
