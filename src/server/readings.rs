//! How a path below `/api/v1/projects/` is read.
//!
//! A publisher's key name may have slashes and a project may be called `report`, so that one path can be read in two ways. [`readings`] is
//! the one place that says in which order they are tried, and which paths have one meaning only.

use super::request::ProjectPath;

/// What is asked for below `/api/v1/projects/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Records,
    Report,
    History,
}

/// Whether `path`, which is written as `raw`, can only be answered by a page of records.
pub(super) fn is_page(raw: &str, path: &str) -> bool {
    readings(raw, path).all(|(what, _)| what == Asked::Records)
}

/// How `path`, which is written as `raw`, may be read, in the order in which it is: as the report or the history of a project that is logged,
/// else as a project that is called so. Two segments are a publisher and a project, whatever the project is called: whoever writes a
/// publisher's slashes as `%2F` means one thing.
pub(super) fn readings(raw: &str, path: &str) -> impl Iterator<Item = (Asked, ProjectPath)> {
    let raw = raw.strip_prefix("/api/v1/projects/").unwrap_or(raw);
    let below = |what, suffix| path.strip_suffix(suffix).map(|of| (what, of));
    let of_project = below(Asked::Report, "/report").or_else(|| below(Asked::History, "/history"));
    of_project
        .filter(|_| raw.matches('/').count() > 1)
        .into_iter()
        .chain([(Asked::Records, path)])
        .filter_map(|(what, of)| Some((what, ProjectPath::parse(of)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_may_be_called_report_and_is_a_page_all_the_same() {
        #[track_caller]
        fn check(raw: &str, path: &str, wanted: bool) {
            let raw = format!("/api/v1/projects/{raw}");
            assert_eq!(is_page(&raw, path), wanted, "{raw}");
        }
        check("a/P", "a/P", true);
        check("a/report", "a/report", true);
        check("a%2Fb/history", "a/b/history", true);
        check("a/P/report", "a/P/report", false);
        check("a/P/r%65port", "a/P/report", false);
    }

    #[test]
    fn a_path_is_read_in_one_order_and_two_segments_in_one_way() {
        #[track_caller]
        fn check(raw: &str, wanted: &[(Asked, &str, &str)]) {
            let path = raw.replace("%2F", "/");
            let read: Vec<_> = readings(raw, &path).collect();
            let read: Vec<_> = read
                .iter()
                .map(|(what, of)| (*what, of.publisher.as_str(), of.project.as_str()))
                .collect();
            assert_eq!(read, wanted, "{raw}");
        }
        use Asked::{History, Records, Report};
        check("a/P", &[(Records, "a", "P")]);
        check("a/b/P", &[(Records, "a/b", "P")]);
        check("a/report", &[(Records, "a", "report")]);
        check("a/history", &[(Records, "a", "history")]);
        check("a/P/report", &[(Report, "a", "P")]);
        check(
            "a/b/report",
            &[(Report, "a", "b"), (Records, "a/b", "report")],
        );
        check(
            "a/b/history",
            &[(History, "a", "b"), (Records, "a/b", "history")],
        );
        check("a%2Fb/report", &[(Records, "a/b", "report")]);
        check(
            "a%2Fb/report/report",
            &[(Report, "a/b", "report"), (Records, "a/b/report", "report")],
        );
        check(
            "a/report/history",
            &[(History, "a", "report"), (Records, "a/report", "history")],
        );
        check("a/b/findings", &[(Records, "a/b", "findings")]);
        check("report", &[]);
        check("/report", &[]);
        check("a/", &[]);
    }
}
