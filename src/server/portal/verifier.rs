//! `verify.html`: the checking page as one file that works from `file://` without any server. Made from the very modules that pages
//! load, by rewriting their import and export lines and nothing else: browsers refuse modules on `file://`.
//!
//! Promises: the same modules give the same bytes, so that its SHA-256 can be announced; its own Content-Security-Policy lets it run
//! this one script and connect to nothing. A module that is not written in the few forms known here does not compile into a page: it
//! panics, in tests first.

use std::collections::HashSet;
use std::fmt::Write;
use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::statics::{MODULES, STYLE};
use crate::server::cache;
use crate::server::problem::Problem;

/// The page.
pub static PAGE: LazyLock<String> = LazyLock::new(|| page(&script(MODULES, "alone.js")));

/// `/verify.html`: to be kept, and opened without any server.
pub(super) async fn verifier(request: HeaderMap) -> Result<Response, Problem> {
    let mut response = cache::shared(&request, "text/html; charset=utf-8", PAGE.as_str());
    response.headers_mut().insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_static("attachment; filename=\"verify.html\""),
    );
    Ok(response)
}

/// SHA-256 of the verifier file.
pub(super) fn verifier_sha256() -> String {
    hex::encode(Sha256::digest(PAGE.as_bytes()))
}

const FRAME: &str = include_str!("templates/verifier.html");

fn page(script: &str) -> String {
    // The parser of HTML looks for these in the middle of a script.
    for bad in ["</script", "<!--"] {
        assert!(!script.contains(bad), "a module contains {bad:?}");
    }
    assert!(!STYLE.contains("</style"), "the style ends itself");
    let mut page = FRAME
        .replace("{{script_digest}}", &digest(script))
        .replace("{{style_digest}}", &digest(STYLE))
        .replace("{{style}}", STYLE);
    // Last, so that nothing in it is taken for a gap.
    let at = page.find("{{script}}").expect("the frame has this gap");
    page.replace_range(at..at + "{{script}}".len(), script);
    page
}

fn digest(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

/// One classic script of `main` and all that it imports, each module once, after those that it imports.
fn script(modules: &[(&str, &str)], main: &str) -> String {
    let mut script = String::from("'use strict';\n");
    visit(modules, main, &mut HashSet::new(), &mut script);
    script
}

fn visit<'m>(
    modules: &[(&'m str, &'m str)],
    name: &'m str,
    seen: &mut HashSet<&'m str>,
    script: &mut String,
) {
    if !seen.insert(name) {
        return;
    }
    let (_, text) = modules
        .iter()
        .find(|(known, _)| *known == name)
        .unwrap_or_else(|| panic!("no module {name}"));
    let (mut body, mut exports) = (String::new(), Vec::new());
    for line in text.lines() {
        if let Some((names, from)) = import(line) {
            visit(modules, from, seen, script);
            let _ = writeln!(body, "const {{{names}}} = {};", variable(from));
        } else if let Some(exported) = line.strip_prefix("export ") {
            exports.push(declared(exported, name));
            let _ = writeln!(body, "{exported}");
        } else {
            assert!(
                !line.starts_with("import") && !line.starts_with("export"),
                "{name} has an import or export in another form: {line}"
            );
            let _ = writeln!(body, "{line}");
        }
    }
    let (variable, exports) = (variable(name), exports.join(", "));
    let _ = writeln!(
        script,
        "// {name}\nconst {variable} = (() => {{\n{body}return {{ {exports} }};\n}})();"
    );
}

/// `import { a, b } from './name.js';`
fn import(line: &str) -> Option<(&str, &str)> {
    let (names, from) = line.strip_prefix("import {")?.split_once("} from './")?;
    Some((names, from.strip_suffix("';")?))
}

/// The name that `const a = …`, `function a(`, `async function a(` or `class A ` declares.
fn declared<'a>(line: &'a str, module: &str) -> &'a str {
    let rest = ["const ", "function ", "async function ", "class "]
        .iter()
        .find_map(|word| line.strip_prefix(word))
        .unwrap_or_else(|| panic!("{module} exports in another form: {line}"));
    let end = rest
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or_else(|| panic!("{module} exports nothing: {line}"));
    &rest[..end]
}

fn variable(module: &str) -> String {
    format!("${}", module.trim_end_matches(".js").replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_become_one_script_in_the_order_in_which_they_need_each_other() {
        let modules = [
            (
                "main.js",
                "import { a } from './a.js';\nimport { b } from './b-c.js';\na(b);\n",
            ),
            (
                "b-c.js",
                "import { a } from './a.js';\nexport const b = a(1);\n",
            ),
            (
                "a.js",
                "// Why.\nexport function a(x) {\n  return x;\n}\nexport class K {}\nexport async function f() {}\n",
            ),
        ];
        let wanted = "'use strict';\n\
            // a.js\nconst $a = (() => {\n// Why.\nfunction a(x) {\n  return x;\n}\nclass K {}\nasync function f() {}\nreturn { a, K, f };\n})();\n\
            // b-c.js\nconst $b_c = (() => {\nconst { a } = $a;\nconst b = a(1);\nreturn { b };\n})();\n\
            // main.js\nconst $main = (() => {\nconst { a } = $a;\nconst { b } = $b_c;\na(b);\nreturn {  };\n})();\n";
        assert_eq!(script(&modules, "main.js"), wanted);
    }

    #[test]
    #[should_panic(expected = "in another form")]
    fn a_module_in_another_form_is_no_page() {
        script(&[("main.js", "import a from './a.js';\n")], "main.js");
    }

    /// Whoever opens it from a disk must be able to rely on it that nothing leaves his computer.
    #[test]
    fn the_page_connects_to_nothing_and_runs_its_own_script_only() {
        let page = &*PAGE;
        assert!(page.contains("default-src 'none'; script-src 'sha256-"));
        assert!(!page.contains("connect-src") && !page.contains("unsafe"));
        for gap in ["{{style", "{{script"] {
            assert!(!page.contains(gap), "{gap}");
        }
        for external in [" src=\"", "<link", "url(", "@import"] {
            assert!(!page.contains(external), "{external}");
        }
        // Every module that it needs is in it, and those of served pages are not.
        for (name, _) in MODULES {
            let served_only =
                ["check.js", "commitment.js", "entry.js", "hash-worker.js"].contains(name);
            assert_eq!(
                page.contains(&format!("\n// {name}\n")),
                !served_only,
                "{name}"
            );
        }
    }
}
