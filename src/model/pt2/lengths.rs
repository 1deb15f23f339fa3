//! Lengths that the program leaves free: symbols, and expressions of them as SymPy prints them, `4*s77`, or writes them
//! for Python, `Mul(Integer(4), Symbol('s77', positive=True, integer=True))`.

use std::collections::HashMap;

use super::schema::Length;
use crate::{Result, bail};

/// Values of symbols.
pub type Symbols = HashMap<String, i64>;

/// Maximum depth of parentheses and calls.
const DEEPEST: usize = 64;

/// Returns the name of a length that is one symbol.
pub fn symbol<'a>(length: &'a Length) -> Option<&'a str> {
    let Length::AsExpr(expression) = length else { return None };
    let text = expression.expr_str.trim();
    match text.strip_prefix("Symbol('") {
        Some(rest) => rest.strip_suffix(')')?.split_once('\'').map(|(name, _)| name).filter(|name| is_name(name)),
        None => Some(text).filter(|text| is_name(text)),
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_') && text.chars().all(is_of_name)
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Computes a length.
pub fn evaluate(length: &Length, symbols: &Symbols) -> Result<i64> {
    match length {
        Length::AsInt(int) => Ok(*int),
        Length::AsExpr(expression) => {
            let text: &str = &expression.expr_str;
            let mut parser = Parser { rest: text, symbols, depth: 0 };
            match parser.sum().filter(|_| parser.rest.trim_start().is_empty()) {
                Some(value) => Ok(value),
                None => bail!("length '{text}' cannot be computed"),
            }
        }
    }
}

struct Parser<'a> {
    rest: &'a str,
    symbols: &'a Symbols,
    depth: usize,
}

impl Parser<'_> {
    fn take(&mut self, token: &str) -> bool {
        let rest = self.rest.trim_start();
        let is_there = rest.starts_with(token);
        if is_there {
            self.rest = &rest[token.len()..];
        }
        is_there
    }

    fn sum(&mut self) -> Option<i64> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let mut value = self.product()?;
        loop {
            if self.take("+") {
                value = value.checked_add(self.product()?)?;
            } else if self.take("-") {
                value = value.checked_sub(self.product()?)?;
            } else {
                self.depth -= 1;
                return Some(value);
            }
        }
    }

    fn product(&mut self) -> Option<i64> {
        let mut value = self.signed()?;
        loop {
            if self.take("//") {
                value = floor_div(value, self.signed()?)?;
            } else if self.take("*") {
                value = value.checked_mul(self.signed()?)?;
            } else if self.take("/") {
                let by = self.signed()?;
                // SymPy prints an exact division this way.
                value = (value.checked_rem(by)? == 0).then(|| value / by)?;
            } else {
                return Some(value);
            }
        }
    }

    fn signed(&mut self) -> Option<i64> {
        let mut is_negative = false;
        while self.take("-") {
            is_negative = !is_negative;
        }
        let base = self.atom()?;
        let value = match self.take("**") {
            true => base.checked_pow(u32::try_from(self.atom()?).ok()?)?,
            false => base,
        };
        if is_negative { value.checked_neg() } else { Some(value) }
    }

    fn atom(&mut self) -> Option<i64> {
        if self.take("(") {
            let value = self.sum()?;
            return self.take(")").then_some(value);
        }
        let rest = self.rest.trim_start();
        let word = &rest[..rest.find(|c| !is_of_name(c)).unwrap_or(rest.len())];
        self.rest = &rest[word.len()..];
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            return word.parse().ok();
        }
        match self.take("(") {
            true => self.call(word),
            false => self.symbols.get(word).copied(),
        }
    }

    /// Reads what follows the name of a symbol and its quote.
    fn quoted(&mut self) -> Option<i64> {
        let (name, rest) = self.rest.split_once('\'')?;
        let (_, rest) = rest.split_once(')')?;
        self.rest = rest;
        self.symbols.get(name).copied()
    }

    fn call(&mut self, name: &str) -> Option<i64> {
        if name == "Symbol" && self.take("'") {
            return self.quoted();
        }
        let mut values = vec![self.sum()?];
        while self.take(",") {
            values.push(self.sum()?);
        }
        if !self.take(")") {
            return None;
        }
        match (name, values.as_slice()) {
            ("Add", values) => values.iter().try_fold(0i64, |sum, &value| sum.checked_add(value)),
            ("Mul", values) => values.iter().try_fold(1i64, |product, &value| product.checked_mul(value)),
            ("Pow", &[base, power]) => base.checked_pow(u32::try_from(power).ok()?),
            ("Integer", &[a]) => Some(a),
            ("Max", values) => values.iter().copied().max(),
            ("Min", values) => values.iter().copied().min(),
            ("FloorDiv" | "CleanDiv" | "IntTrueDiv", &[a, b]) => floor_div(a, b),
            ("CeilDiv", &[a, b]) => floor_div(a.checked_add(b.checked_sub(1)?)?, b),
            ("Mod" | "PythonMod", &[a, b]) => a.checked_rem_euclid(b),
            ("floor" | "ceiling" | "ToFloat" | "TruncToInt", &[a]) => Some(a),
            _ => None,
        }
    }
}

fn floor_div(a: i64, b: i64) -> Option<i64> {
    let quotient = a.checked_div(b)?;
    Some(if a.checked_rem(b)? != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient })
}

#[cfg(test)]
mod tests {
    use super::super::schema::Expression;
    use super::*;

    fn value(text: &str) -> Option<i64> {
        let symbols = [("s77".to_string(), 5), ("s0".to_string(), 1)].into();
        evaluate(&Length::AsExpr(Expression { expr_str: text.into() }), &symbols).ok()
    }

    #[test]
    fn expressions_are_computed_as_python_does() {
        let cases = [
            ("s77", 5),
            ("4*s77 + 1", 21),
            ("((s77 - 1)//2) + 1", 3),
            ("-s77//2", -3),
            ("s0*(s77 + 2)**2", 49),
            ("Max(1, s77 - 9)", 1),
            ("FloorDiv(s77, 2)*Mod(7, 4)", 6),
            ("Symbol('s77', positive=True, integer=True)", 5),
            ("Add(Mul(Integer(4), Symbol('s77', integer=True)), Integer(-1))", 19),
            ("Pow(Symbol('s77'), Integer(2))", 25),
        ];
        for (text, expected) in cases {
            assert_eq!(value(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn expressions_that_are_none_are_refused() {
        for text in [
            "",
            "s1",
            "Symbol('s1')",
            "Symbol('s77",
            "Pow(2, -1)",
            "s77 +",
            "1//0",
            "(s77",
            "s77)",
            "9**99",
            "foo(1)",
            &"(".repeat(9999),
        ] {
            assert_eq!(value(text), None, "{text}");
        }
    }
}
