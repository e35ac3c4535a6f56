//! Natural persons in OCDS: found by a table of rules, and hidden everywhere in the release, before anything else looks at it.
//!
//! | a party is a natural person if | such as |
//! | --- | --- |
//! | its identifier, or an additional one, is of a scheme for persons | `CO-CC`, `BR-CPF`, a passport |
//! | its 统一社会信用代码 begins with 92 (个体工商户) | `92430382MA4L…` |
//! | its `details`, legal form or classification says so | `sole trader`, `persona física`, 自然人 |
//! | it sells, bids or is paid, and its name looks like a person's; or no identifier stands with it, and no word of its name is an organisation's; unless a register of companies has it | `Jo Example` |
//! | it buys, procures or pays, no such identifier stands with it, and its name looks like a person's | an official who signs |
//! | the ledger would refuse its name in the clear | |
//!
//! In doubt a name is hidden: what was hidden can be shown later by its opening, what was shown stays shown.
//!
//! A person leaves as `{"id":"person-1","roles":[…],"person":{"$commit":…}}`: one commitment over the whole party. Wherever the
//! release refers to its id or has its name in a text, the reference carries `person-1` and the text becomes a commitment.

use std::collections::{HashMap, HashSet};

use aho_corasick::AhoCorasick;

use super::json::{Json, Members};
use crate::trade::identifiers::{citizen_number_is_valid, uscc_is_valid};
use crate::trade::persons::{self, Named, names_organisation};

/// Schemes of org-id.guide's kind (`CC-REGISTER`) whose register is one of people, and words for such schemes.
const PERSON_SCHEMES: [&str; 25] = [
    "CO-CC",
    "CO-CE",
    "BR-CPF",
    "MX-CURP",
    "PE-DNI",
    "AR-DNI",
    "ES-DNI",
    "ES-NIE",
    "HN-DNI",
    "EC-CI",
    "UY-CI",
    "PY-CI",
    "GT-CUI",
    "CR-CPF",
    "CL-RUN",
    "UG-NIN",
    "ZA-ID",
    "IN-PAN-P",
    "UA-DRFO",
    "UA-EDR-FOP",
    "CN-ID",
    "PASSPORT",
    "NATIONALID",
    "CITIZEN",
    "PERSON",
];

/// Schemes, or words for them, whose register is one of companies.
const COMPANY_SCHEMES: [&str; 12] = [
    "-COH",
    "-RUES",
    "-CNPJ",
    "-USCC",
    "-CHC",
    "-LEI",
    "-DUNS",
    "-NIC",
    "-SC",
    "JURIDICA",
    "JURÍDICA",
    "COMPANY",
];

/// What `details` say of a person.
const PERSON_WORDS: [&str; 18] = [
    "natural person",
    "individual entrepreneur",
    "individual",
    "sole trader",
    "sole proprietor",
    "self-employed",
    "freelance",
    "persona natural",
    "persona fisica",
    "persona física",
    "pessoa fisica",
    "pessoa física",
    "personne physique",
    "фізична особа",
    "физическое лицо",
    "自然人",
    "个体工商户",
    "个人",
];

/// Members that refer to who sells, bids or is paid.
const SELLERS: [&str; 5] = [
    "suppliers",
    "tenderers",
    "payee",
    "receiverOrganization",
    "invitedSuppliers",
];
/// Members that refer to who buys or pays: an organisation, but some publishers name the official who signs.
const BUYERS: [&str; 4] = ["buyer", "procuringEntity", "payer", "providerOrganization"];
/// Roles of such a party.
const SELLER_ROLES: [&str; 6] = [
    "supplier",
    "tenderer",
    "payee",
    "invitedsupplier",
    "candidate",
    "subcontractor",
];

/// A person found in a release.
struct Person {
    id: Option<String>,
    name: Option<String>,
}

/// Hides whoever has one of these names.
pub(super) fn hide_named(release: &mut Json, names: &[String]) {
    let found: Vec<Person> = names
        .iter()
        .map(|name| Person {
            id: None,
            name: Some(name.clone()),
        })
        .collect();
    replace(release, &People::new(&found));
}

/// Hides every natural person of a release.
pub(super) fn hide(release: &mut Json) {
    let parties = release["parties"].as_array().unwrap_or_default();
    let people = parties.iter().filter(|party| party_is_person(party));
    let mut found: Vec<Person> = people.map(person).collect();
    // Who stands among the parties was judged there, with all that is said of it.
    let mut judged = parties
        .iter()
        .filter_map(|party| Some((party["id"].as_str()?.to_owned(), name_of(party)?.to_owned())))
        .collect();
    embedded(release, "", &mut found, &mut judged);
    if !found.is_empty() {
        replace(release, &People::new(&found));
    }
}

fn person(party: &Json) -> Person {
    let text = |member: &str| party[member].as_str().map(str::to_owned);
    Person {
        id: text("id").filter(|id| !id.is_empty()),
        name: name_of(party)
            .map(str::to_owned)
            .filter(|name| name.chars().count() >= 2),
    }
}

/// Before OCDS 1.1 who pays and who is paid had a legal name only.
pub(super) fn name_of(party: &Json) -> Option<&str> {
    let own = [
        &party["name"],
        &party["legalName"],
        &party["identifier"]["legalName"],
    ];
    own.into_iter()
        .filter_map(Json::as_str)
        .find(|name| !name.trim().is_empty())
}

fn party_is_person(party: &Json) -> bool {
    let sells = party["roles"].as_array().is_some_and(|roles| {
        roles
            .iter()
            .filter_map(Json::as_str)
            .any(|role| SELLER_ROLES.contains(&role.to_ascii_lowercase().as_str()))
    });
    says_person(party)
        || if sells {
            looks_like_person(party)
        } else {
            buyer_looks_like_person(party)
        }
}

/// Parties that stand where they sell, as before OCDS 1.1, and in releases without `parties`.
fn embedded(
    value: &Json,
    name: &str,
    found: &mut Vec<Person>,
    judged: &mut HashSet<(String, String)>,
) {
    match value {
        Json::Object(members) => {
            let described = name_of(value).is_some();
            let reference = members.contains_key("id") && members.0.len() <= 2;
            let (sells, buys) = (SELLERS.contains(&name), BUYERS.contains(&name));
            // A reference says no more than its name; the party it refers to has been judged with all it has.
            let told = || Some((value["id"].as_str()?.to_owned(), name_of(value)?.to_owned()));
            let known = reference && told().is_some_and(|told| judged.contains(&told));
            if described && (sells || buys) && !known {
                let named = || persons::party(name_of(value).unwrap_or_default()) == Named::Person;
                let person_here = says_person(value)
                    || buys && buyer_looks_like_person(value)
                    || sells && !reference && looks_like_person(value)
                    || sells && reference && named();
                if person_here {
                    let person = person(value);
                    judged.extend(told());
                    found.push(person);
                }
            }
            for (member, value) in &members.0 {
                embedded(value, member, found, judged);
            }
        }
        Json::List(items) => items
            .iter()
            .for_each(|item| embedded(item, name, found, judged)),
        _ => {}
    }
}

/// Its identifiers or its details say that it is a person.
fn says_person(party: &Json) -> bool {
    identifiers(party).any(|identifier| {
        let scheme = identifier["scheme"]
            .as_str()
            .unwrap_or_default()
            .to_uppercase();
        let id = identifier["id"].as_str().unwrap_or_default();
        let squeezed: String = scheme.chars().filter(|c| !matches!(c, ' ' | '_')).collect();
        let of_company = COMPANY_SCHEMES.iter().any(|known| squeezed.contains(known));
        !of_company
            && PERSON_SCHEMES
                .iter()
                .any(|known| squeezed == *known || !known.contains('-') && squeezed.contains(known))
            || id.starts_with("92") && uscc_is_valid(id)
            || citizen_number_is_valid(id)
    }) || ["details", "legalForm", "classification", "entityType"]
        .iter()
        .any(|member| says_word(&party[*member]))
        || citizen_number_is_valid(party["id"].as_str().unwrap_or_default())
}

fn identifiers(party: &Json) -> impl Iterator<Item = &Json> {
    let more = party["additionalIdentifiers"].as_array();
    std::iter::once(&party["identifier"]).chain(more.into_iter().flatten())
}

fn says_word(value: &Json) -> bool {
    match value {
        Json::Text(text) => {
            let text = text.trim().to_lowercase();
            PERSON_WORDS.iter().any(|word| text.starts_with(word))
        }
        Json::List(items) => items.iter().any(says_word),
        Json::Object(members) => members.values().any(says_word),
        _ => false,
    }
}

/// A name as persons have; without an identifier of any kind, whatever is more than one word and none of an organisation is in doubt.
/// An identifier alone says little: the registers of taxpayers have persons too.
fn looks_like_person(party: &Json) -> bool {
    let name = name_of(party).unwrap_or_default().trim();
    let in_doubt = name.split_whitespace().count() > 1
        && persons::is_foreign(name)
        && !names_organisation(name)
        && !has_identifier(party);
    !says_company(party) && (in_doubt || persons::party(name) == Named::Person)
}

/// Who buys and has no identifier, and a name as persons have.
fn buyer_looks_like_person(party: &Json) -> bool {
    let name = name_of(party).unwrap_or_default();
    !says_company(party) && !has_identifier(party) && persons::party(name) == Named::Person
}

/// Its identifier is of a register of companies, or it is called large or a charity.
fn says_company(party: &Json) -> bool {
    let details = &party["details"];
    identifiers(party).any(|identifier| {
        let scheme = identifier["scheme"].as_str().unwrap_or_default();
        let scheme = scheme.to_uppercase();
        COMPANY_SCHEMES.iter().any(|known| scheme.contains(known))
            || identifier["id"].as_str().is_some_and(uscc_is_valid)
    }) || details["scale"].as_str() == Some("large")
        || details["vcse"] == Json::Bool(true)
}

/// An organisation's identifier: of a name in Chinese its social credit code, as the ledger wants it.
fn has_identifier(party: &Json) -> bool {
    let foreign = persons::is_foreign(name_of(party).unwrap_or_default());
    identifiers(party).any(|identifier| {
        let of = |member: &str| {
            identifier[member]
                .as_str()
                .is_some_and(|text| !text.trim().is_empty())
        };
        foreign && of("id") && of("scheme") || identifier["id"].as_str().is_some_and(uscc_is_valid)
    })
}

/// Who was found, by what a release refers to them with: each is looked up at once, however many there are.
struct People<'p> {
    /// By id, and by id and name: the first of each.
    ids: HashMap<&'p str, usize>,
    both: HashMap<(&'p str, &'p str), usize>,
    /// Who has no name, by id; who has no id, by name.
    nameless: HashMap<&'p str, usize>,
    idless: HashMap<&'p str, usize>,
    names: HashMap<&'p str, usize>,
    /// Names that in another text are no accident.
    telling: Option<AhoCorasick>,
}

impl<'p> People<'p> {
    fn new(found: &'p [Person]) -> People<'p> {
        let mut people = People {
            ids: HashMap::new(),
            both: HashMap::new(),
            nameless: HashMap::new(),
            idless: HashMap::new(),
            names: HashMap::new(),
            telling: None,
        };
        for (at, person) in found.iter().enumerate() {
            let (id, name) = (person.id.as_deref(), person.name.as_deref());
            if let Some(id) = id {
                people.ids.entry(id).or_insert(at);
            }
            if let Some(name) = name {
                people.names.entry(name).or_insert(at);
            }
            match (id, name) {
                (Some(id), Some(name)) => people.both.entry((id, name)).or_insert(at),
                (Some(id), None) => people.nameless.entry(id).or_insert(at),
                (None, Some(name)) => people.idless.entry(name).or_insert(at),
                (None, None) => continue,
            };
        }
        let telling = people.names.keys().filter(|name| tells(name));
        people.telling = AhoCorasick::new(telling).ok();
        people
    }

    /// Whether this is one of them.
    fn is_it(&self, members: &Members) -> Option<usize> {
        let text = |member: &str| members.get(member).and_then(Json::as_str);
        let told = ["name", "legalName"].into_iter().find_map(text);
        let legal = || members.get("identifier")?["legalName"].as_str();
        let (id, name) = (text("id"), told.or_else(legal));
        let Some(id) = id else {
            return self.names.get(name?).copied();
        };
        // Awards and lots have ids too, and `1` is one of many things.
        let party = name.is_some() || members.contains_key("roles");
        let by_id = match name {
            _ if !party => None,
            Some(name) => [self.both.get(&(id, name)), self.nameless.get(id)]
                .into_iter()
                .flatten()
                .min(),
            None => self.ids.get(id),
        };
        let by_name = name.and_then(|name| self.idless.get(name));
        by_id.into_iter().chain(by_name).min().copied()
    }
}

/// Replaces persons, references to them, and texts that name them. The facts stay as many as they were.
fn replace(value: &mut Json, people: &People<'_>) {
    match value {
        Json::Object(members) => {
            if let Some(at) = people.is_it(members) {
                let mut made = Members::default();
                made.push("id", format!("person-{}", at + 1).as_str().into());
                if let Some(roles) = members.get("roles") {
                    made.push("roles", roles.clone());
                }
                let shown = made.values().map(Json::facts).sum::<usize>();
                let whole = Json::Object(std::mem::take(members));
                let hidden = whole.facts().saturating_sub(shown);
                made.push("person", Json::Withheld(whole.text(), hidden));
                *members = made;
            } else {
                members
                    .values_mut()
                    .for_each(|member| replace(member, people));
            }
        }
        Json::List(items) => items.iter_mut().for_each(|item| replace(item, people)),
        Json::Text(text) => {
            if let Some(at) = people
                .ids
                .get(text.as_str())
                .filter(|_| person_id_tells(text))
            {
                *value = format!("person-{}", at + 1).as_str().into();
            } else if people.names.contains_key(text.as_str())
                || people
                    .telling
                    .as_ref()
                    .is_some_and(|names| names.is_match(&*text))
            {
                *value = Json::Withheld(std::mem::take(text), 1);
            }
        }
        _ => {}
    }
}

/// An id long enough to be a person's, not the number of a row.
fn person_id_tells(id: &str) -> bool {
    id.len() >= 6
}

/// A name that in another text is no accident.
fn tells(name: &str) -> bool {
    name.contains(' ') || !name.is_ascii()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Of a party alone.
    fn check(party: Value, wanted: bool) {
        assert_eq!(party_is_person(&party.clone().into()), wanted, "{party}");
    }

    #[test]
    fn the_table_of_rules() {
        for scheme in [
            "CO-CC",
            "BR-CPF",
            "pe-dni",
            "Passport number",
            "NATIONAL_ID",
        ] {
            check(
                json!({"name": "Acme Ltd", "identifier": {"scheme": scheme, "id": "1"}}),
                true,
            );
        }
        for scheme in ["GB-COH", "CO-RUES", "BR-CNPJ", "CN-USCC"] {
            check(
                json!({"name": "Jo", "roles": ["supplier"], "identifier": {"scheme": scheme, "id": "1"}}),
                false,
            );
        }
        check(
            json!({"name": "x", "additionalIdentifiers": [{"scheme": "CO-CC", "id": "1"}]}),
            true,
        );
        check(
            json!({"name": "x", "identifier": {"id": "92430382MA4L0000XX"}, "roles": ["buyer"]}),
            false,
        );
        for details in ["Sole trader", "Persona Natural", "自然人"] {
            check(
                json!({"name": "x", "roles": ["buyer"], "details": {"legalEntityType": details}}),
                true,
            );
        }
        check(
            json!({"name": "x", "roles": ["buyer"], "details": {"scale": "sme"}}),
            false,
        );
        // A register of taxpayers has persons too; one of companies has none, and who is large or a charity is none.
        let seller = |more: Value| {
            let mut party = json!({"name": "Jo Maria Example", "roles": ["supplier"]});
            party
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            party
        };
        check(
            seller(json!({"identifier": {"scheme": "PY-RUC", "id": "1"}})),
            true,
        );
        for scheme in ["GB-COH", "Nit de Persona Jurídica"] {
            check(
                seller(json!({"identifier": {"scheme": scheme, "id": "1"}})),
                false,
            );
        }
        check(seller(json!({"details": {"scale": "large"}})), false);
        check(
            seller(json!({"details": {"scale": "sme", "vcse": true}})),
            false,
        );
        check(
            seller(json!({"details": {"scale": "sme", "vcse": false}})),
            true,
        );
        check(json!({"name": "Example", "roles": ["supplier"]}), false);
        for name in ["Jo Example", "María Ejemplo Prueba", "张示例", "DOE JOHN"] {
            check(json!({"name": name, "roles": ["supplier"]}), true);
            check(
                json!({"name": name, "roles": ["tenderer", "supplier"]}),
                true,
            );
            // An official who signs stands where the body should.
            check(json!({"name": name, "roles": ["buyer"]}), true);
        }
        for name in [
            "Example",
            "Ministry of Examples",
            "EJEMPLO - ALCALDIA MUNICIPAL",
        ] {
            check(json!({"name": name, "roles": ["buyer"]}), false);
        }
        for name in [
            "Acme Ltd",
            "Acme Ltd.",
            "Constructora Ejemplo S.A.",
            "示例建设有限公司",
            "Brown & Sons",
            "3M",
            "Coconal S. A. P. I. de C. V.",
            "Cal y Mayor y Asociados, S.C.",
            "CORPORACI\u{fffd}N COLOMBIANA INTERNACIONAL",
            "University of Example",
            "Beispiel GmbH",
            "张示例工作室经营部",
        ] {
            check(json!({"name": name, "roles": ["supplier"]}), false);
        }
    }

    #[test]
    fn a_person_leaves_no_trace_outside_commitments() {
        let mut release: Json = json!({
            "ocid": "ocds-1", "id": "r-1",
            "parties": [
                {"id": "CO-CC-12345678", "name": "Jo Example", "roles": ["supplier"], "identifier": {"scheme": "CO-CC", "id": "12345678"},
                 "address": {"streetAddress": "1 Example Road"}},
                {"id": "CO-NIT-1", "name": "Acme Ltd", "roles": ["supplier"]},
            ],
            "tender": {"title": "Lessons by Jo Example", "id": "1"},
            "awards": [{"id": "1", "suppliers": [{"id": "CO-CC-12345678", "name": "Jo Example"}, {"id": "CO-NIT-1", "name": "Acme Ltd"}]}],
            "contracts": [{"id": "1", "implementation": {"transactions": [{"payee": {"id": "CO-CC-12345678"}, "note": "CO-CC-12345678"}]}}],
        })
        .into();
        let facts = release.facts();
        hide(&mut release);
        assert_eq!(release.facts(), facts, "as many as before");
        let shown = shown(&release);
        for secret in ["Jo Example", "12345678", "Example Road"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        assert!(shown.contains("Acme Ltd") && shown.contains("CO-NIT-1"));
        assert_eq!(first(&release["awards"]).0.as_str(), Some("person-1"));
        assert_eq!(
            first(&release["awards"]).1.as_str(),
            Some("1"),
            "other things keep their ids"
        );
        // Nothing is lost: the commitment is over the whole party.
        let parties = release["parties"].as_array().unwrap_or_default();
        let Json::Withheld(kept, _) = &parties[0]["person"] else {
            panic!("{parties:?}")
        };
        assert!(kept.contains("1 Example Road"));
    }

    #[test]
    fn a_person_without_a_party_of_its_own_is_found_where_it_sells() {
        let mut release: Json = json!({"awards": [{"suppliers": [{"name": "Jo Example", "address": {}, "contactPoint": {}}]}],
            "buyer": {"name": "Example"}})
        .into();
        hide(&mut release);
        assert_eq!(first(&release["awards"]).0.as_str(), Some("person-1"));
        assert_eq!(release["buyer"]["name"].as_str(), Some("Example"));
    }

    /// The id of the first supplier of the first award, and that award's.
    fn first(awards: &Json) -> (&Json, &Json) {
        let award = &awards.as_array().unwrap_or_default()[0];
        let supplier = &award["suppliers"].as_array().unwrap_or_default()[0];
        (&supplier["id"], &award["id"])
    }

    /// What is not withheld.
    fn shown(value: &Json) -> String {
        match value {
            Json::Object(members) => members
                .0
                .iter()
                .map(|(name, value)| name.clone() + &shown(value))
                .collect(),
            Json::List(items) => items.iter().map(shown).collect(),
            Json::Withheld(..) => String::new(),
            other => other.text(),
        }
    }
}
