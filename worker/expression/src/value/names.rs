//! Variables for expressions.
//!
//! Owns the rules for their names and the limit on their depth.

use std::fmt;

use super::Value;
use crate::limits::NAMES_DEPTH;
use crate::machine::bindings::Bindings;
use crate::syntax::keyword::is_keyword;

/// Variables that expressions can use.
///
/// ```
/// use expression::{Expression, Limits, Names};
///
/// let mut names = Names::default();
/// names.bind("price", 19.99)?;
/// names.bind("quantity", 3)?;
/// let total = Expression::parse("round(price * quantity, 2)")?.evaluate(&names, &Limits::default())?;
/// assert_eq!(total.to_string(), "59.97");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Names {
    bindings: Bindings,
}

/// Why a variable cannot be bound.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BindError {
    /// Not `[A-Za-z_][A-Za-z0-9_]*`.
    NotAName(String),
    /// A keyword, `math`, or a name that begins with two underscores.
    Reserved(String),
    /// The value is nested more than 100 deep.
    TooDeep(String),
}

impl fmt::Display for BindError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAName(name) => write!(formatter, "{name:?} is not a name"),
            Self::Reserved(name) => write!(formatter, "the name {name:?} is reserved"),
            Self::TooDeep(name) => write!(
                formatter,
                "the value of {name:?} is nested more than {NAMES_DEPTH} deep"
            ),
        }
    }
}

impl std::error::Error for BindError {}

impl Names {
    /// Binds a variable, replacing an earlier binding. It may shadow a function.
    ///
    /// # Errors
    ///
    /// If the name is invalid or reserved, or if the value is nested too deep.
    pub fn bind(&mut self, name: impl Into<String>, value: impl Into<Value>) -> Result<(), BindError> {
        let name = name.into();
        let mut bytes = name.bytes();
        let starts_well = bytes
            .next()
            .is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
        if !starts_well || !bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(BindError::NotAName(name));
        }
        if name.starts_with("__") || name == "math" || is_keyword(name.as_bytes()) {
            return Err(BindError::Reserved(name));
        }
        let object = value.into().into_object();
        if object.depth() > NAMES_DEPTH {
            return Err(BindError::TooDeep(name));
        }
        self.bindings.bind(name.into(), object);
        Ok(())
    }

    /// The number of variables.
    pub fn len(&self) -> usize {
        self.bindings.len()
    }

    /// Returns whether no variable is bound.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn bindings(&self) -> &Bindings {
        &self.bindings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Object;

    #[test]
    fn binds_and_rebinds() {
        let mut names = Names::default();
        for (name, value) in [("b", 1_i64), ("a", 2), ("b", 3), ("_x1", 4), ("max", 5)] {
            names.bind(name, Value::from(value)).unwrap();
        }
        assert_eq!(names.len(), 4);
        assert!(matches!(names.bindings().get(b"b"), Some(Object::Int(3))));
        assert!(names.bindings().get(b"c").is_none());
    }

    #[test]
    fn rejects_invalid_and_reserved_names() {
        let mut names = Names::default();
        for name in ["", "1a", "a b", "é", "a-b"] {
            assert_eq!(
                names.bind(name, Value::from(1_i64)),
                Err(BindError::NotAName(name.to_owned()))
            );
        }
        for name in ["__a", "math", "lambda", "None", "if"] {
            assert_eq!(
                names.bind(name, Value::from(1_i64)),
                Err(BindError::Reserved(name.to_owned()))
            );
        }
        assert!(names.is_empty());
    }

    #[test]
    fn rejects_values_that_are_too_deep() {
        let mut value = Value::from(1_i64);
        let mut names = Names::default();
        for _ in 0..NAMES_DEPTH {
            value = Value::list([value]).unwrap();
        }
        names.bind("deep", value.clone()).unwrap();
        let deeper = Value::list([value]).unwrap();
        assert_eq!(
            names.bind("deeper", deeper),
            Err(BindError::TooDeep("deeper".to_owned()))
        );
    }
}
