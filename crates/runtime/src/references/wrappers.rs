//! Functions that read the name that they are given, and who calls them.

use std::collections::BTreeSet;

use oxc_ast::ast::{Argument, BindingPattern, CallExpression, Expression, FormalParameters};

use super::Kind;
use super::finder::Finder;
use super::meaning::{Callable, Meaning};

/// Methods of lists that hand each element to a function as its first argument.
const EACH: [&str; 8] = ["forEach", "map", "filter", "find", "every", "some", "flatMap", "findIndex"];

impl Finder<'_> {
    /// Looks at a call. Whether its callee needs no further look.
    pub(super) fn call(&mut self, call: &CallExpression<'_>) -> bool {
        if let Some(callable) = self.callable(&call.callee) {
            self.call_of(&callable, call);
        }
        let Some(member) = call.callee.get_inner_expression().as_member_expression() else { return false };
        let first = call.arguments.first().and_then(Argument::as_expression);
        let (object, property) = (self.sense.meaning(&self.known, member.object()), member.static_property_name());
        match (object, property, first) {
            (Some(Meaning::DenoEnv), Some("get" | "has"), Some(name))
            | (Some(Meaning::ProcessEnv), Some("hasOwnProperty"), Some(name)) => self.read_named_by(Kind::Env, name),
            (Some(Meaning::DenoEnv), Some("set" | "delete"), _) => {}
            (Some(Meaning::DenoEnv), _, _) => self.unknown(Kind::Env, call.span.start),
            (Some(Meaning::Secrets), Some("get" | "getRequired" | "getSystem" | "getUser"), Some(name)) => {
                self.read_named_by(Kind::Helper, name);
            }
            (Some(Meaning::Texts(names)), Some(method), Some(function)) if EACH.contains(&method) => {
                self.for_each(&Meaning::Texts(names), function);
                return false;
            }
            (_, Some("hasOwn" | "has" | "get"), Some(environment)) => {
                let kind = self.sense.meaning(&self.known, environment).and_then(|meaning| meaning.properties());
                let name = call.arguments.get(1).and_then(Argument::as_expression);
                let (Some(kind), Some(name)) = (kind, name) else { return false };
                self.read_named_by(kind, name);
                self.handled.insert(environment_span(environment));
                return false;
            }
            _ => return false,
        }
        true
    }

    /// A call of a function of this program, or of one that it imports.
    fn call_of(&mut self, callable: &Callable, call: &CallExpression<'_>) {
        for (index, kind) in self.wrapped(callable) {
            if let Some(name) = call.arguments.get(index).and_then(Argument::as_expression) {
                self.read_named_by(kind, name);
            }
        }
        if !self.known.callables.contains(callable) {
            return;
        }
        for (index, argument) in call.arguments.iter().enumerate() {
            let Some(expression) = argument.as_expression() else { continue };
            let meaning = self.sense.meaning(&self.known, expression);
            if let Some(meaning) = meaning.filter(Meaning::is_environment) {
                self.known.given.insert((callable.clone(), index), meaning);
                self.handled.insert(environment_span(expression));
            }
        }
    }

    /// Which parameters of a function are names that it reads.
    fn wrapped(&self, callable: &Callable) -> BTreeSet<(usize, Kind)> {
        let known = match callable {
            Callable::Exported(specifier, name) => {
                let exports = self.sense.imported.get(specifier.as_ref());
                exports.and_then(|exports| exports.wrapper(name))
            }
            own => self.known.wrappers.get(own),
        };
        known.cloned().unwrap_or_default()
    }

    /// What is called, if that is known.
    fn callable(&self, callee: &Expression<'_>) -> Option<Callable> {
        let callee = callee.get_inner_expression();
        if let Some(symbol) = self.sense.symbol_of(callee) {
            return Some(Callable::Symbol(symbol));
        }
        let member = match callee {
            Expression::ChainExpression(chain) => chain.expression.as_member_expression()?,
            other => other.as_member_expression()?,
        };
        let method = member.static_property_name()?;
        if matches!(member.object().get_inner_expression(), Expression::ThisExpression(_)) {
            return self.owner.map(|owner| Callable::Method(owner, method.to_owned()));
        }
        match self.sense.meaning(&self.known, member.object()) {
            Some(Meaning::Instance(class)) => Some(Callable::Method(class, method.to_owned())),
            Some(Meaning::Module(specifier)) => Some(Callable::Exported(specifier, method.to_owned())),
            _ => self.sense.symbol_of(member.object()).map(|owner| Callable::Method(owner, method.to_owned())),
        }
    }

    /// `names.forEach((name) => …)`, `names.map(requireEnv)`.
    fn for_each(&mut self, names: &Meaning, function: &Expression<'_>) {
        let function = function.get_inner_expression();
        let first = |parameters: &FormalParameters<'_>| match parameters.items.first().map(|first| &first.pattern) {
            Some(BindingPattern::BindingIdentifier(identifier)) => identifier.symbol_id.get(),
            _ => None,
        };
        let parameter = match function {
            Expression::ArrowFunctionExpression(arrow) => first(&arrow.params),
            Expression::FunctionExpression(function) => first(&function.params),
            other => {
                let Some(callable) = self.callable(other) else { return };
                let parameters = self.wrapped(&callable);
                let Meaning::Texts(texts) = names else { return };
                for (_, kind) in parameters.into_iter().filter(|(index, _)| *index == 0) {
                    for text in texts.iter() {
                        self.read(kind, text, environment_span(other));
                    }
                }
                self.handled.insert(environment_span(other));
                return;
            }
        };
        if let Some(symbol) = parameter {
            self.learn(symbol, names);
        }
    }
}

/// Where an expression begins: enough to know it again.
pub(super) fn environment_span(expression: &Expression<'_>) -> u32 {
    use oxc_span::GetSpan as _;
    expression.span().start
}
