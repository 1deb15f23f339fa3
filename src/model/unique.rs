//! Names of values and layers that a reader makes up: each is there once.

use foldhash::HashMap;

/// Names that are taken, with the last count behind each.
pub type Names = HashMap<String, usize>;

/// Puts a count behind a name that is taken, or makes one where there is none.
pub fn distinct(taken: &mut Names, name: &str) -> String {
    let known = taken.get(name).copied();
    if known.is_none() && !name.is_empty() {
        taken.insert(name.to_string(), 0);
        return name.to_string();
    }
    let count = known.unwrap_or_default();
    let free =
        (count + 1..).map(|count| (count, format!("{name}_{count}"))).find(|(_, name)| !taken.contains_key(name));
    let (count, candidate) = free.unwrap_or_else(|| (usize::MAX, name.to_string()));
    taken.insert(name.to_string(), count);
    taken.insert(candidate.clone(), 0);
    candidate
}
