//! What variables stand for once a pattern has taken a value apart.

use oxc_ast::ast::{BindingPattern, FormalParameters};

use super::Kind;
use super::finder::Finder;
use super::meaning::{Callable, Meaning};

impl Finder<'_> {
    /// Binds the variables of a pattern to a value that is known.
    pub(super) fn bind(&mut self, pattern: &BindingPattern<'_>, meaning: &Meaning) {
        match pattern {
            BindingPattern::BindingIdentifier(identifier) => {
                if let Some(symbol) = identifier.symbol_id.get() {
                    self.learn(symbol, meaning);
                }
            }
            BindingPattern::ObjectPattern(object) => {
                for property in &object.properties {
                    let Some(key) = property.key.static_name() else {
                        self.unknown_of(meaning, property.span.start);
                        continue;
                    };
                    if let Some(kind) = meaning.properties() {
                        self.read(kind, &key, property.span.start);
                    } else if let Some(inner) = self.part(meaning, &key) {
                        self.bind(&property.value, &inner);
                    } else if *meaning == Meaning::DenoEnv {
                        self.unknown(Kind::Env, property.span.start);
                    } else if let Meaning::Module(specifier) = meaning {
                        self.bind_wrapper(&property.value, specifier, &key);
                    }
                }
                if object.rest.is_some() {
                    self.unknown_of(meaning, object.span.start);
                }
            }
            BindingPattern::AssignmentPattern(default) => self.bind(&default.left, meaning),
            BindingPattern::ArrayPattern(array) => self.unknown_of(meaning, array.span.start),
        }
    }

    fn unknown_of(&mut self, meaning: &Meaning, offset: u32) {
        if meaning.is_environment() {
            self.unknown(meaning.properties().unwrap_or(Kind::Env), offset);
        }
    }

    fn part(&self, meaning: &Meaning, key: &str) -> Option<Meaning> {
        match (meaning, key) {
            (Meaning::Process, "env") => Some(Meaning::ProcessEnv),
            (Meaning::Process, "default") | (Meaning::Global, "process") => Some(Meaning::Process),
            (Meaning::Deno, "env") => Some(Meaning::DenoEnv),
            (Meaning::Global, "Deno") => Some(Meaning::Deno),
            (Meaning::Module(specifier), key) => self.sense.exported(specifier, key),
            (_, "secrets") => Some(Meaning::Secrets),
            _ => None,
        }
    }

    fn bind_wrapper(&mut self, pattern: &BindingPattern<'_>, specifier: &str, name: &str) {
        let wrapper = self.sense.imported.get(specifier).and_then(|exports| exports.wrapper(name));
        if let (BindingPattern::BindingIdentifier(identifier), Some(parameters)) = (pattern, wrapper)
            && let Some(symbol) = identifier.symbol_id.get()
        {
            self.known.wrappers.entry(Callable::Symbol(symbol)).or_default().extend(parameters);
        }
    }

    /// Binds what a pattern names itself, whatever is taken apart: `{ secrets }`.
    pub(super) fn bind_named(&mut self, pattern: &BindingPattern<'_>) {
        match pattern {
            BindingPattern::ObjectPattern(object) => {
                for property in &object.properties {
                    if property.key.static_name().as_deref() == Some("secrets") {
                        self.bind(&property.value, &Meaning::Secrets);
                    } else {
                        self.bind_named(&property.value);
                    }
                }
            }
            BindingPattern::AssignmentPattern(default) => self.bind_named(&default.left),
            BindingPattern::ArrayPattern(_) | BindingPattern::BindingIdentifier(_) => {}
        }
    }

    /// Enters a function's parameters.
    pub(super) fn parameters(&mut self, callable: Option<&Callable>, parameters: &FormalParameters<'_>) {
        for (index, parameter) in parameters.items.iter().enumerate() {
            self.bind_named(&parameter.pattern);
            let default = parameter.initializer.as_ref();
            // a name that stands in for a missing one is not the one that is handed in
            let default = default.and_then(|default| self.sense.meaning(&self.known, default));
            if let Some(meaning) = default.filter(|meaning| !matches!(meaning, Meaning::Text(_) | Meaning::Texts(_))) {
                self.bind(&parameter.pattern, &meaning);
            }
            let Some(callable) = callable else { continue };
            if let Some(meaning) = self.known.given.get(&(callable.clone(), index)).cloned() {
                self.bind(&parameter.pattern, &meaning);
            }
            if let BindingPattern::BindingIdentifier(identifier) = &parameter.pattern
                && let Some(symbol) = identifier.symbol_id.get()
            {
                self.parameter_of.insert(symbol, (callable.clone(), index));
            }
        }
    }
}
