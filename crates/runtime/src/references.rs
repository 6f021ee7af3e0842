//! Which secrets a program reads, found by parsing it. It sees what is written plainly: `process.env.X`,
//! `process.env["X"]`, `const { X } = process.env`, `Deno.env.get("X")`, `secrets.get("X")`, `ctx.secrets.get("X")`, names
//! held in a `const`, and calls of a local function that hands its parameter to one of these (`requireEnv("X")`).
//! What it cannot see, the worker reports when it happens (`reads.rs`).

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use oxc_allocator::Allocator;
use oxc_ast::ast::{
    Argument, ArrowFunctionExpression, BinaryExpression, BindingPattern, CallExpression, ComputedMemberExpression,
    Expression, FormalParameters, Function, IdentifierReference, ImportDeclaration, ImportDeclarationSpecifier,
    StaticMemberExpression, VariableDeclarator,
};
use oxc_ast_visit::{Visit, walk};
use oxc_parser::Parser;
use oxc_span::SourceType;
use oxc_syntax::operator::BinaryOperator;
use oxc_syntax::scope::ScopeFlags;

/// What a program reads. Names are as they stand in the code, so an environment name may carry a prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    /// Names read from the environment.
    pub env: BTreeSet<String>,
    /// Names read through `secrets` or `ctx.secrets`.
    pub helper: BTreeSet<String>,
    /// Those of both that are read while the module loads.
    pub module_level: BTreeSet<String>,
    /// The environment is listed, passed on, or read by a name that only running tells. This needs no worker to be
    /// replaced by itself: names are seen when they are read.
    pub dynamic_env: bool,
}

/// The text is no program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file} could not be parsed")]
pub struct ParseError {
    /// The name that was given.
    pub file: String,
}

/// Wrappers of wrappers are followed so many times.
const MAX_PASSES: usize = 4;

/// Reads `source`, whose language follows from the ending of `file` (`.ts`, `.tsx`, `.mjs`, …; JavaScript modules
/// otherwise).
pub fn find(source: &str, file: &str) -> Result<References, ParseError> {
    let allocator = Allocator::default();
    let kind = SourceType::from_path(file).unwrap_or_else(|_| SourceType::mjs()).with_module(true);
    let parsed = Parser::new(&allocator, source, kind).parse();
    if parsed.panicked {
        return Err(ParseError { file: file.to_owned() });
    }
    let mut known = Known::default();
    for _ in 0..MAX_PASSES {
        let before = (known.meanings.len(), known.wrappers.len());
        let mut finder = Finder::new(known);
        finder.visit_program(&parsed.program);
        known = finder.known;
        if before == (known.meanings.len(), known.wrappers.len()) {
            return Ok(finder.found);
        }
    }
    let mut finder = Finder::new(known);
    finder.visit_program(&parsed.program);
    Ok(finder.found)
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Meaning {
    Process,
    ProcessEnv,
    Deno,
    DenoEnv,
    Secrets,
    Text(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Env,
    Helper,
}

#[derive(Default)]
struct Known {
    /// What a name of the program stands for.
    meanings: HashMap<String, Meaning>,
    /// Functions that read the name given as this parameter.
    wrappers: HashMap<String, (usize, Kind)>,
}

struct Frame {
    name: Option<String>,
    parameters: Vec<Option<String>>,
    runs_at_load: bool,
}

struct Finder {
    known: Known,
    found: References,
    frames: Vec<Frame>,
    next_name: Option<String>,
    next_runs: bool,
}

impl Finder {
    fn new(known: Known) -> Self {
        Self { known, found: References::default(), frames: Vec::new(), next_name: None, next_runs: false }
    }

    fn meaning(&self, expression: &Expression<'_>) -> Option<Meaning> {
        match expression.get_inner_expression() {
            Expression::Identifier(identifier) => match identifier.name.as_str() {
                name if self.known.meanings.contains_key(name) => self.known.meanings.get(name).cloned(),
                "process" => Some(Meaning::Process),
                "Deno" => Some(Meaning::Deno),
                "secrets" => Some(Meaning::Secrets),
                _ => None,
            },
            Expression::StaticMemberExpression(member) => self.member_meaning(&member.object, &member.property.name),
            Expression::ComputedMemberExpression(member) => {
                self.member_meaning(&member.object, &literal(&member.expression)?)
            }
            Expression::ChainExpression(chain) => {
                let member = chain.expression.as_member_expression()?;
                self.member_meaning(member.object(), member.static_property_name()?)
            }
            // `process.env ?? {}`
            Expression::LogicalExpression(logical) => self.meaning(&logical.left),
            other => literal(other).map(|text| Meaning::Text(text.into_owned())),
        }
    }

    fn member_meaning(&self, object: &Expression<'_>, property: &str) -> Option<Meaning> {
        match (self.meaning(object), property) {
            (Some(Meaning::Process), "env") => Some(Meaning::ProcessEnv),
            (Some(Meaning::Deno), "env") => Some(Meaning::DenoEnv),
            (_, "secrets") => Some(Meaning::Secrets),
            (None, "process") if is_global(object) => Some(Meaning::Process),
            (None, "Deno") if is_global(object) => Some(Meaning::Deno),
            _ => None,
        }
    }

    fn read(&mut self, kind: Kind, name: &str) {
        match kind {
            Kind::Env => self.found.env.insert(name.to_owned()),
            Kind::Helper => self.found.helper.insert(name.to_owned()),
        };
        if self.frames.iter().all(|frame| frame.runs_at_load) {
            self.found.module_level.insert(name.to_owned());
        }
    }

    /// A read whose name is an expression: a text, a parameter of the function around it, or unknown.
    fn read_named_by(&mut self, kind: Kind, name: &Expression<'_>) {
        if let Some(text) = literal(name) {
            return self.read(kind, &text);
        }
        if let Some(Meaning::Text(text)) = self.meaning(name) {
            return self.read(kind, &text);
        }
        if let Expression::Identifier(identifier) = name.get_inner_expression() {
            let wanted = Some(identifier.name.as_str());
            for frame in self.frames.iter().rev() {
                let index = frame.parameters.iter().position(|each| each.as_deref() == wanted);
                if let (Some(index), Some(function)) = (index, frame.name.clone()) {
                    self.known.wrappers.insert(function, (index, kind));
                    return;
                }
            }
        }
        self.unknown(kind);
    }

    fn unknown(&mut self, kind: Kind) {
        if kind == Kind::Env {
            self.found.dynamic_env = true;
        }
    }

    fn call(&mut self, call: &CallExpression<'_>) -> bool {
        let first = call.arguments.first().and_then(Argument::as_expression);
        if let Expression::Identifier(callee) = call.callee.get_inner_expression() {
            let Some((index, kind)) = self.known.wrappers.get(callee.name.as_str()).copied() else { return false };
            if let Some(name) = call.arguments.get(index).and_then(Argument::as_expression) {
                self.read_named_by(kind, name);
            }
            return false;
        }
        let Some(member) = call.callee.get_inner_expression().as_member_expression() else { return false };
        let (object, property) = (self.meaning(member.object()), member.static_property_name());
        match (object, property, first) {
            (Some(Meaning::DenoEnv), Some("get" | "has"), Some(name)) => self.read_named_by(Kind::Env, name),
            (Some(Meaning::DenoEnv), Some("set" | "delete"), _) => {}
            (Some(Meaning::DenoEnv), _, _) => self.unknown(Kind::Env),
            (Some(Meaning::Secrets), Some("get" | "getRequired" | "getSystem" | "getUser"), Some(name)) => {
                self.read_named_by(Kind::Helper, name);
            }
            _ => return false,
        }
        true
    }

    fn bind(&mut self, pattern: &BindingPattern<'_>, meaning: &Meaning) {
        match pattern {
            BindingPattern::BindingIdentifier(identifier) => {
                self.known.meanings.insert(identifier.name.to_string(), meaning.clone());
            }
            BindingPattern::ObjectPattern(object) => {
                for property in &object.properties {
                    let key = property.key.static_name();
                    let Some(key) = key else {
                        self.unknown(Kind::Env);
                        continue;
                    };
                    match (meaning, &*key) {
                        (Meaning::ProcessEnv, key) => self.read(Kind::Env, key),
                        (Meaning::Process, "env") => self.bind(&property.value, &Meaning::ProcessEnv),
                        (Meaning::Deno, "env") => self.bind(&property.value, &Meaning::DenoEnv),
                        _ => {}
                    }
                }
                if object.rest.is_some() && *meaning == Meaning::ProcessEnv {
                    self.unknown(Kind::Env);
                }
            }
            BindingPattern::AssignmentPattern(default) => self.bind(&default.left, meaning),
            BindingPattern::ArrayPattern(_) => {}
        }
    }

    fn enter(&mut self, name: Option<String>, parameters: &FormalParameters<'_>) {
        let parameter = |pattern: &BindingPattern<'_>| match pattern {
            BindingPattern::BindingIdentifier(identifier) => Some(identifier.name.to_string()),
            _ => None,
        };
        let parameters = parameters.items.iter().map(|item| parameter(&item.pattern)).collect();
        let runs_at_load = std::mem::take(&mut self.next_runs);
        self.frames.push(Frame { name, parameters, runs_at_load });
    }
}

impl<'a> Visit<'a> for Finder {
    fn visit_import_declaration(&mut self, import: &ImportDeclaration<'a>) {
        if !matches!(import.source.value.as_str(), "node:process" | "process") {
            return;
        }
        for specifier in import.specifiers.iter().flatten() {
            let meaning = match specifier {
                ImportDeclarationSpecifier::ImportSpecifier(named) => match named.imported.name().as_str() {
                    "env" => Meaning::ProcessEnv,
                    "default" => Meaning::Process,
                    _ => continue,
                },
                _ => Meaning::Process,
            };
            self.known.meanings.insert(specifier.local().name.to_string(), meaning);
        }
    }

    fn visit_variable_declarator(&mut self, declarator: &VariableDeclarator<'a>) {
        let Some(init) = &declarator.init else { return };
        if let Some(meaning) = self.meaning(init) {
            return self.bind(&declarator.id, &meaning);
        }
        if let BindingPattern::BindingIdentifier(identifier) = &declarator.id {
            let function = matches!(init, Expression::FunctionExpression(_) | Expression::ArrowFunctionExpression(_));
            self.next_name = function.then(|| identifier.name.to_string());
        }
        self.visit_expression(init);
    }

    fn visit_function(&mut self, function: &Function<'a>, flags: ScopeFlags) {
        let own = function.id.as_ref().map(|id| id.name.to_string());
        let name = self.next_name.take().or(own);
        self.enter(name, &function.params);
        walk::walk_function(self, function, flags);
        self.frames.pop();
    }

    fn visit_arrow_function_expression(&mut self, function: &ArrowFunctionExpression<'a>) {
        let name = self.next_name.take();
        self.enter(name, &function.params);
        walk::walk_arrow_function_expression(self, function);
        self.frames.pop();
    }

    fn visit_call_expression(&mut self, call: &CallExpression<'a>) {
        if self.call(call) {
            return self.visit_arguments(&call.arguments);
        }
        self.next_runs = matches!(
            call.callee.get_inner_expression(),
            Expression::FunctionExpression(_) | Expression::ArrowFunctionExpression(_)
        );
        walk::walk_call_expression(self, call);
        self.next_runs = false;
    }

    fn visit_static_member_expression(&mut self, member: &StaticMemberExpression<'a>) {
        match self.meaning(&member.object) {
            Some(Meaning::ProcessEnv) => self.read(Kind::Env, &member.property.name),
            Some(Meaning::Process | Meaning::Deno) if member.property.name == "env" => self.unknown(Kind::Env),
            Some(_) => {}
            None => walk::walk_static_member_expression(self, member),
        }
    }

    fn visit_computed_member_expression(&mut self, member: &ComputedMemberExpression<'a>) {
        if self.meaning(&member.object) == Some(Meaning::ProcessEnv) {
            self.read_named_by(Kind::Env, &member.expression);
        } else {
            walk::walk_computed_member_expression(self, member);
        }
    }

    fn visit_binary_expression(&mut self, binary: &BinaryExpression<'a>) {
        if binary.operator == BinaryOperator::In && self.meaning(&binary.right) == Some(Meaning::ProcessEnv) {
            return self.read_named_by(Kind::Env, &binary.left);
        }
        walk::walk_binary_expression(self, binary);
    }

    fn visit_identifier_reference(&mut self, identifier: &IdentifierReference<'a>) {
        let meaning = self.known.meanings.get(identifier.name.as_str());
        if matches!(meaning, Some(Meaning::ProcessEnv | Meaning::DenoEnv)) {
            self.unknown(Kind::Env);
        }
    }
}

fn literal<'a>(expression: &Expression<'a>) -> Option<Cow<'a, str>> {
    match expression.get_inner_expression() {
        Expression::StringLiteral(text) => Some(Cow::Borrowed(text.value.as_str())),
        Expression::TemplateLiteral(template) => template.single_quasi().map(|text| Cow::Borrowed(text.as_str())),
        _ => None,
    }
}

fn is_global(object: &Expression<'_>) -> bool {
    matches!(object.get_inner_expression(), Expression::Identifier(name) if matches!(name.name.as_str(), "globalThis" | "global" | "window" | "self"))
}

#[cfg(test)]
#[path = "references_tests.rs"]
mod tests;
