//! Names in Latin and Cyrillic letters: an organisation's by its words.

/// Words that only organisations have in their names; a Latin one must stand alone, a Chinese one anywhere.
const ORGANISATION_WORDS: [&str; 123] = [
    "ab",
    "ag",
    "aktiengesellschaft",
    "agency",
    "alliance",
    "aps",
    "architects",
    "as",
    "asa",
    "association",
    "associates",
    "authority",
    "bank",
    "bhd",
    "board",
    "brothers",
    "bros",
    "bv",
    "bureau",
    "centre",
    "center",
    "charity",
    "church",
    "cia",
    "cic",
    "city",
    "clinic",
    "club",
    "co",
    "college",
    "commission",
    "committee",
    "company",
    "compañia",
    "compañía",
    "consortium",
    "construction",
    "constructora",
    "consultancy",
    "consultants",
    "consulting",
    "cooperative",
    "corp",
    "corporation",
    "council",
    "county",
    "cv",
    "department",
    "eirl",
    "empresa",
    "engineering",
    "enterprise",
    "enterprises",
    "eu",
    "federation",
    "firm",
    "foundation",
    "fundación",
    "fundacion",
    "gmbh",
    "government",
    "group",
    "grupo",
    "holding",
    "holdings",
    "hospital",
    "hotel",
    "inc",
    "incorporated",
    "industries",
    "institute",
    "instituto",
    "international",
    "jsc",
    "kg",
    "limited",
    "limitada",
    "llc",
    "llp",
    "lp",
    "ltd",
    "ltda",
    "ministry",
    "municipality",
    "nhs",
    "nv",
    "office",
    "oy",
    "oü",
    "partners",
    "partnership",
    "plc",
    "pty",
    "pvt",
    "sa",
    "sac",
    "sarl",
    "sas",
    "school",
    "sciences",
    "services",
    "servicios",
    "society",
    "solutions",
    "spa",
    "srl",
    "supplies",
    "systems",
    "technologies",
    "technology",
    "trust",
    "ac",
    "sapi",
    "sc",
    "barristers",
    "ulc",
    "union",
    "universidad",
    "university",
    "ooo",
    "тов",
    "пп",
    "ооо",
];
/// Beginnings of words that only organisations have; a letter that a broken encoding lost comes after them.
const ORGANISATION_STEMS: [&str; 30] = [
    "academi",
    "administra",
    "agenci",
    "asociad",
    "comercial",
    "comisi",
    "comunicac",
    "construc",
    "consult",
    "cooperat",
    "coop",
    "corporaci",
    "federal",
    "gerenci",
    "homecare",
    "import",
    "industri",
    "ingenier",
    "institu",
    "nacional",
    "network",
    "organi",
    "profesional",
    "secretar",
    "securit",
    "servici",
    "sistem",
    "solucion",
    "transport",
    "univers",
];

/// Whether a name without Han characters looks like a person's: two to five words of letters, none that only organisations have.
pub(super) fn is_person(name: &str) -> bool {
    let words: Vec<&str> = name.split_whitespace().collect();
    let is_word = |word: &&str| {
        word.chars()
            .all(|c| c.is_alphabetic() || matches!(c, '.' | '-' | '\'' | '·'))
    };
    let one =
        name.contains(|c: char| c.is_alphabetic() && u32::from(c) >= 0x530) && words.len() == 1;
    (one || (2..=5).contains(&words.len()))
        && words.iter().all(is_word)
        && !names_organisation(name)
}

/// Whether a name has a word that only organisations have.
pub(crate) fn names_organisation(name: &str) -> bool {
    let lower = name.to_lowercase();
    // `S. A. de C. V.` is `sa de cv`; `&` and figures are no part of a person's name.
    let mut words: Vec<String> = Vec::new();
    let mut initials = false;
    for word in lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
    {
        let initial = word.chars().count() == 1;
        match words.last_mut() {
            Some(last) if initial && initials => last.push_str(word),
            _ => words.push(word.to_owned()),
        }
        initials = initial;
    }
    let is_word = |word: &String| ORGANISATION_WORDS.contains(&word.as_str());
    let has_stem = |word: &String| ORGANISATION_STEMS.iter().any(|stem| word.starts_with(stem));
    words.iter().any(|word| is_word(word) || has_stem(word))
        || lower.contains('&')
        || lower.chars().any(|c| c.is_ascii_digit())
}
