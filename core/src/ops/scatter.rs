//! Parts shared by the Scatter operators: combining an update with the element that it replaces.

use crate::{Result, bail};

use super::Call;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reduction {
    Replace,
    Add,
    Multiply,
    Largest,
    Smallest,
}

impl Reduction {
    pub fn of(call: &Call) -> Result<Reduction> {
        Ok(match call.attributes.text("reduction") {
            None | Some("none") => Reduction::Replace,
            Some("add") => Reduction::Add,
            Some("mul") => Reduction::Multiply,
            Some("max") => Reduction::Largest,
            Some("min") => Reduction::Smallest,
            Some(other) => bail!("reduction = {other}, only none, add, mul, max and min are defined"),
        })
    }
}

pub trait Update {
    fn update(self, by: Self, reduction: Reduction) -> Self;
}

macro_rules! update {
    ($($type:ty: |$a:ident, $b:ident| $add:expr, $multiply:expr;)*) => {
        $(impl Update for $type {
            fn update(self, by: Self, reduction: Reduction) -> Self {
                let ($a, $b) = (self, by);
                match reduction {
                    Reduction::Replace => $b,
                    Reduction::Add => $add,
                    Reduction::Multiply => $multiply,
                    Reduction::Largest => if $b > $a { $b } else { $a },
                    Reduction::Smallest => if $b < $a { $b } else { $a },
                }
            }
        })*
    };
}

update! {
    f32: |a, b| a + b, a * b;
    f64: |a, b| a + b, a * b;
    i8: |a, b| a.wrapping_add(b), a.wrapping_mul(b);
    i16: |a, b| a.wrapping_add(b), a.wrapping_mul(b);
    i32: |a, b| a.wrapping_add(b), a.wrapping_mul(b);
    i64: |a, b| a.wrapping_add(b), a.wrapping_mul(b);
    u8: |a, b| a.wrapping_add(b), a.wrapping_mul(b);
    u16: |a, b| a.wrapping_add(b), a.wrapping_mul(b);
    u32: |a, b| a.wrapping_add(b), a.wrapping_mul(b);
    u64: |a, b| a.wrapping_add(b), a.wrapping_mul(b);
    bool: |a, b| a | b, a & b;
}
