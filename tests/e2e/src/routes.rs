//! The list of the server's routes, `docs/routes.txt`, which is made from the router itself.

use crate::binary;

/// Every route: method and path. `ANY` stands for all methods, `GET` for `HEAD` too.
pub fn all() -> Vec<(&'static str, &'static str)> {
    let text = std::fs::read_to_string(binary::repository().join("docs/routes.txt")).unwrap();
    let lines: Vec<&str> = Box::leak(text.into_boxed_str()).lines().collect();
    let parts = |line: &&'static str| {
        let mut words = line.split(' ').skip(1);
        (words.next().unwrap(), words.next().unwrap())
    };
    lines.iter().map(parts).collect()
}

/// Whether people meet a route, rather than programs.
pub fn is_page(path: &str) -> bool {
    !["/api/", "/fn/", "/healthz", "/readyz", "/metrics"].iter().any(|start| path.starts_with(start))
}
