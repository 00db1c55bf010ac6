//! The arguments of a call.
//!
//! Owns the checks of their number and names, with Python's error messages.

use super::Object;
use crate::error::{Error, Result, type_error};

/// The arguments of one call.
#[derive(Debug)]
pub(crate) struct CallArguments<'a> {
    /// `math.` if the function is in that module, empty otherwise.
    module: &'static str,
    function: &'static str,
    positional: &'a [Object],
    keywords: Vec<&'a str>,
    named: &'a [Object],
}

impl<'a> CallArguments<'a> {
    pub(crate) fn new(
        function: &'static str,
        positional: &'a [Object],
        keywords: Vec<&'a str>,
        named: &'a [Object],
    ) -> Self {
        Self {
            module: "",
            function,
            positional,
            keywords,
            named,
        }
    }

    /// Sets the module of the function, which some messages name.
    pub(crate) fn in_module(mut self, module: &'static str) -> Self {
        self.module = module;
        self
    }

    /// The name of the function, for messages.
    pub(crate) fn function(&self) -> &'static str {
        self.function
    }

    /// The keyword arguments.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&'a str, &'a Object)> {
        self.keywords.iter().copied().zip(self.named)
    }

    /// The positional arguments. The caller handles the keyword arguments.
    pub(crate) fn positional(&self) -> &'a [Object] {
        self.positional
    }

    fn no_keywords(&self) -> Result<()> {
        if self.keywords.is_empty() {
            return Ok(());
        }
        Err(type_error(format!(
            "{}{}() takes no keyword arguments",
            self.module, self.function
        )))
    }

    /// The only argument.
    pub(crate) fn one(&self) -> Result<&'a Object> {
        self.no_keywords()?;
        match self.positional {
            [one] => Ok(one),
            other => Err(type_error(format!(
                "{}{}() takes exactly one argument ({} given)",
                self.module,
                self.function,
                other.len()
            ))),
        }
    }

    /// Exactly two arguments.
    pub(crate) fn two(&self) -> Result<(&'a Object, &'a Object)> {
        self.no_keywords()?;
        match self.positional {
            [first, second] => Ok((first, second)),
            other => Err(type_error(format!(
                "{} expected 2 arguments, got {}",
                self.function,
                other.len()
            ))),
        }
    }

    /// No argument or one.
    pub(crate) fn optional(&self) -> Result<Option<&'a Object>> {
        self.no_keywords()?;
        match self.positional {
            [] => Ok(None),
            [one] => Ok(Some(one)),
            other => Err(self.too_many(1, other.len())),
        }
    }

    /// Any number of positional arguments.
    pub(crate) fn any_number(&self) -> Result<&'a [Object]> {
        self.no_keywords()?;
        Ok(self.positional)
    }

    /// Binds the arguments to parameters. A positional-only parameter has an empty name. The first `positional_count`
    /// parameters can be given by position, and the first `required` must be given.
    pub(crate) fn bind<const N: usize>(
        &self,
        parameters: [&str; N],
        positional_count: usize,
        required: usize,
    ) -> Result<[Option<&'a Object>; N]> {
        let given = self.positional.len() + self.named.len();
        if self.positional.len() > positional_count && positional_count == required {
            return Err(self.not_exactly(positional_count));
        }
        if self.positional.len() > positional_count || given > N {
            let kind = if self.positional.is_empty() {
                "keyword "
            } else {
                ""
            };
            return Err(type_error(format!(
                "{}() takes at most {N} {kind}arguments ({given} given)",
                self.function
            )));
        }
        let mut bound = [None; N];
        for (slot, argument) in bound.iter_mut().zip(self.positional) {
            *slot = Some(argument);
        }
        let mut unknown = None;
        for (name, argument) in self.named() {
            let Some(place) = parameters.iter().position(|parameter| *parameter == name) else {
                unknown.get_or_insert(name);
                continue;
            };
            if bound[place].replace(argument).is_some() {
                return Err(type_error(format!(
                    "argument for {}() given by name ('{name}') and position ({})",
                    self.function,
                    place + 1
                )));
            }
        }
        if let Some(missing) = bound.iter().take(required).position(Option::is_none) {
            let name = parameters[missing];
            if name.is_empty() && positional_count == required {
                return Err(self.not_exactly(required));
            }
            if name.is_empty() {
                let given = self.positional.len();
                return Err(type_error(format!(
                    "{}() takes at least {required} positional argument ({given} given)",
                    self.function
                )));
            }
            return Err(type_error(format!(
                "{}() missing required argument '{name}' (pos {})",
                self.function,
                missing + 1
            )));
        }
        match unknown {
            Some(name) => Err(self.unknown(name)),
            None => Ok(bound),
        }
    }

    fn not_exactly(&self, count: usize) -> Error {
        let plural = if count == 1 { "" } else { "s" };
        type_error(format!(
            "{} expected {count} argument{plural}, got {}",
            self.function,
            self.positional.len()
        ))
    }

    pub(crate) fn too_many(&self, most: usize, given: usize) -> Error {
        let plural = if most == 1 { "" } else { "s" };
        type_error(format!(
            "{} expected at most {most} argument{plural}, got {given}",
            self.function
        ))
    }

    pub(crate) fn unknown(&self, name: &str) -> Error {
        type_error(format!(
            "'{name}' is an invalid keyword argument for {}()",
            // In CPython, the list that is made of the argument takes the keywords.
            if self.function == "sorted" {
                "sort"
            } else {
                self.function
            }
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binds_by_position_and_name() {
        let positional = [Object::Int(1)];
        let named = [Object::Int(2)];
        let arguments = CallArguments::new("pow", &positional, vec!["exp"], &named);
        let bound = arguments.bind(["base", "exp", "mod"], 3, 2).unwrap();
        assert!(matches!(
            bound,
            [Some(Object::Int(1)), Some(Object::Int(2)), None]
        ));
    }

    #[test]
    fn rejects_arguments_that_do_not_fit() {
        let positional = [Object::Int(1), Object::Int(2)];
        let named = [Object::Int(2)];
        let messages = |arguments: CallArguments<'_>| {
            arguments
                .bind(["", "base"], 2, 0)
                .unwrap_err()
                .message()
                .to_owned()
        };
        assert_eq!(
            messages(CallArguments::new("int", &positional, vec!["base"], &named)),
            "int() takes at most 2 arguments (3 given)"
        );
        assert_eq!(
            messages(CallArguments::new("int", &[], vec!["b"], &named)),
            "'b' is an invalid keyword argument for int()"
        );
        assert!(
            CallArguments::new("int", &[], vec![""], &[])
                .bind(["", "base"], 2, 1)
                .is_err()
        );
        assert!(CallArguments::new("abs", &positional, vec![], &[]).one().is_err());
    }
}
