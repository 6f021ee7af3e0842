//! What the pass does at each kind of node.

use oxc_ast::ast::{
    ArrowFunctionExpression, AssignmentExpression, AssignmentTarget, BinaryExpression, BindingPattern, CallExpression,
    Class, ComputedMemberExpression, ExportAllDeclaration, ExportDeclaration, ExportDefaultDeclaration,
    ExportDefaultDeclarationKind, ExportFromDeclaration, ExportNamedDeclaration, Expression, ForOfStatement,
    ForStatementLeft, FormalParameter, Function, IdentifierReference, ImportDeclaration, ImportDeclarationSpecifier,
    ImportExpression, MethodDefinition, ModuleExportName, PropertyDefinition, StaticMemberExpression,
    VariableDeclarator,
};
use oxc_ast_visit::{Visit, walk};
use oxc_syntax::operator::{AssignmentOperator, BinaryOperator};
use oxc_syntax::scope::ScopeFlags;

use super::Kind;
use super::finder::{Finder, is_function, taken};
use super::meaning::{Callable, Meaning, literal, module};

impl<'a> Visit<'a> for Finder<'_> {
    fn visit_import_declaration(&mut self, import: &ImportDeclaration<'a>) {
        let specifier = import.source.value.as_str();
        if import.import_kind.is_type() {
            return;
        }
        self.import(specifier, import.span.start);
        let whole = module(specifier);
        for each in import.specifiers.iter().flatten() {
            let Some(symbol) = each.local().symbol_id.get() else { continue };
            let imported = match each {
                ImportDeclarationSpecifier::ImportSpecifier(named) => named.imported.name().to_string(),
                ImportDeclarationSpecifier::ImportDefaultSpecifier(_) => "default".to_owned(),
                ImportDeclarationSpecifier::ImportNamespaceSpecifier(_) => {
                    self.learn(symbol, &whole);
                    continue;
                }
            };
            match (&whole, imported.as_str()) {
                (Meaning::Process, "env") => self.learn(symbol, &Meaning::ProcessEnv),
                (Meaning::Process, "default") => self.learn(symbol, &Meaning::Process),
                (Meaning::Process, _) => {}
                (_, "secrets") => self.learn(symbol, &Meaning::Secrets),
                (_, name) => {
                    if let Some(meaning) = self.sense.exported(specifier, name) {
                        self.learn(symbol, &meaning);
                    }
                    let exports = self.sense.imported.get(specifier);
                    if let Some(parameters) = exports.and_then(|exports| exports.wrapper(name)) {
                        self.known.wrappers.insert(Callable::Symbol(symbol), parameters.clone());
                    }
                }
            }
        }
    }

    fn visit_import_expression(&mut self, import: &ImportExpression<'a>) {
        if let Some(specifier) = literal(&import.source) {
            self.import(&specifier, import.span.start);
        }
        walk::walk_import_expression(self, import);
    }

    fn visit_export_declaration(&mut self, export: &ExportDeclaration<'a>) {
        self.declared(&export.declaration);
        walk::walk_export_declaration(self, export);
    }

    fn visit_export_named_declaration(&mut self, export: &ExportNamedDeclaration<'a>) {
        for specifier in &export.specifiers {
            let ModuleExportName::IdentifierReference(local) = &specifier.local else { continue };
            let Some(symbol) = self.sense.symbol(local) else { continue };
            let name = specifier.exported.name().to_string();
            if name == "default" {
                self.known.default_export = Some(symbol);
            }
            self.exported.push((name, symbol));
        }
    }

    fn visit_export_from_declaration(&mut self, export: &ExportFromDeclaration<'a>) {
        let source = export.source.value.to_string();
        self.import(&source, export.span.start);
        for specifier in &export.specifiers {
            let names = (specifier.local.name().to_string(), specifier.exported.name().to_string());
            self.found.exports.from.push((source.clone(), Some(names)));
        }
    }

    fn visit_export_all_declaration(&mut self, export: &ExportAllDeclaration<'a>) {
        let source = export.source.value.to_string();
        self.import(&source, export.span.start);
        if export.exported.is_none() {
            self.found.exports.from.push((source, None));
        }
    }

    fn visit_export_default_declaration(&mut self, export: &ExportDefaultDeclaration<'a>) {
        match &export.declaration {
            ExportDefaultDeclarationKind::FunctionDeclaration(function) => {
                if let Some(symbol) = function.id.as_ref().and_then(|id| id.symbol_id.get()) {
                    self.exported.push(("default".to_owned(), symbol));
                } else {
                    self.next_name = Some(Callable::Default);
                }
            }
            ExportDefaultDeclarationKind::Identifier(identifier) => {
                if let Some(symbol) = self.sense.symbol(identifier) {
                    self.known.default_export = Some(symbol);
                    self.exported.push(("default".to_owned(), symbol));
                    return;
                }
            }
            ExportDefaultDeclarationKind::ObjectExpression(object) => return self.default_object(object),
            other => {
                if other.as_expression().is_some_and(is_function) {
                    self.next_name = Some(Callable::Default);
                }
            }
        }
        walk::walk_export_default_declaration(self, export);
        self.next_name = None;
    }

    fn visit_variable_declarator(&mut self, declarator: &VariableDeclarator<'a>) {
        let Some(init) = &declarator.init else { return };
        let meaning = self.sense.meaning(&self.known, init);
        if let Some(meaning) = &meaning {
            self.bind(&declarator.id, meaning);
        } else {
            self.bind_named(&declarator.id);
        }
        walk::walk_binding_pattern(self, &declarator.id);
        let is_copy = matches!(init.get_inner_expression(), Expression::ObjectExpression(_));
        if meaning
            .as_ref()
            .is_none_or(|meaning| is_copy || matches!(meaning, Meaning::Instance(_) | Meaning::Module(_)))
        {
            let symbol = declarator.id.get_binding_identifier().and_then(|identifier| identifier.symbol_id.get());
            self.assign(symbol, init);
        }
    }

    fn visit_assignment_expression(&mut self, assignment: &AssignmentExpression<'a>) {
        let meaning = self.sense.meaning(&self.known, &assignment.right);
        let plain = assignment.operator == AssignmentOperator::Assign;
        self.common_js(&assignment.left, &assignment.right);
        let target = match &assignment.left {
            AssignmentTarget::AssignmentTargetIdentifier(identifier) => self.sense.symbol(identifier),
            _ => None,
        };
        if let (Some(symbol), Some(meaning)) = (target, &meaning) {
            return self.learn(symbol, meaning);
        }
        match &assignment.left {
            // what is set is not read
            AssignmentTarget::StaticMemberExpression(member)
                if plain && self.sense.meaning(&self.known, &member.object).is_some_and(|of| of.is_environment()) => {}
            AssignmentTarget::ObjectAssignmentTarget(object) => {
                let kind = meaning.as_ref().and_then(Meaning::properties);
                for property in &object.properties {
                    if let (Some(kind), Some((name, offset))) = (kind, taken(property)) {
                        self.read(kind, &name, offset);
                    }
                }
                if kind.is_some() && object.rest.is_none() {
                    return;
                }
            }
            other => walk::walk_assignment_target(self, other),
        }
        self.assign(target, &assignment.right);
    }

    fn visit_for_of_statement(&mut self, statement: &ForOfStatement<'a>) {
        if let (ForStatementLeft::VariableDeclaration(variables), Some(names @ Meaning::Texts(_))) =
            (&statement.left, self.sense.meaning(&self.known, &statement.right))
        {
            for variable in &variables.declarations {
                if let BindingPattern::BindingIdentifier(_) = &variable.id {
                    self.bind(&variable.id, &names);
                }
            }
        }
        walk::walk_for_of_statement(self, statement);
    }

    fn visit_formal_parameter(&mut self, parameter: &FormalParameter<'a>) {
        walk::walk_binding_pattern(self, &parameter.pattern);
        if let Some(default) = &parameter.initializer
            && self.sense.meaning(&self.known, default).is_none()
        {
            self.visit_expression(default);
        }
    }

    fn visit_function(&mut self, function: &Function<'a>, flags: ScopeFlags) {
        let own = function.id.as_ref().and_then(|id| id.symbol_id.get()).map(Callable::Symbol);
        self.function(own, |finder, name| {
            finder.parameters(name, &function.params);
            walk::walk_function(finder, function, flags);
        });
    }

    fn visit_arrow_function_expression(&mut self, function: &ArrowFunctionExpression<'a>) {
        self.function(None, |finder, name| {
            finder.parameters(name, &function.params);
            walk::walk_arrow_function_expression(finder, function);
        });
    }

    fn visit_class(&mut self, class: &Class<'a>) {
        self.class(None, class);
    }

    fn visit_method_definition(&mut self, method: &MethodDefinition<'a>) {
        if let (Some(owner), Some(key)) = (self.owner, method.key.static_name()) {
            self.next_name = Some(Callable::Method(owner, key.to_string()));
        }
        walk::walk_method_definition(self, method);
        self.next_name = None;
    }

    fn visit_property_definition(&mut self, property: &PropertyDefinition<'a>) {
        if let (Some(owner), Some(key), Some(value)) = (self.owner, property.key.static_name(), &property.value)
            && is_function(value)
        {
            self.next_name = Some(Callable::Method(owner, key.to_string()));
        }
        walk::walk_property_definition(self, property);
        self.next_name = None;
    }

    fn visit_call_expression(&mut self, call: &CallExpression<'a>) {
        if let (Expression::Identifier(callee), Some(first)) =
            (call.callee.get_inner_expression(), call.arguments.first())
            && callee.name == "require"
            && let Some(specifier) = first.as_expression().and_then(literal)
        {
            self.import(&specifier, call.span.start);
        }
        if self.call(call) {
            return self.visit_arguments(&call.arguments);
        }
        if !matches!(call.callee.get_inner_expression(), Expression::Identifier(_)) {
            self.next_runs = is_function(&call.callee);
            self.visit_expression(&call.callee);
            self.next_runs = false;
        }
        self.visit_arguments(&call.arguments);
    }

    fn visit_static_member_expression(&mut self, member: &StaticMemberExpression<'a>) {
        let offset = member.span.start;
        match self.sense.meaning(&self.known, &member.object) {
            Some(Meaning::ProcessEnv) => self.read(Kind::Env, &member.property.name, offset),
            Some(Meaning::HandlerEnv) => self.read(Kind::Helper, &member.property.name, offset),
            Some(Meaning::DenoEnv) => self.unknown(Kind::Env, offset),
            Some(Meaning::Process | Meaning::Deno)
                if member.property.name == "env" && !self.handled.contains(&offset) =>
            {
                self.unknown(Kind::Env, offset);
            }
            Some(_) => {}
            None if matches!(member.object, Expression::ImportMeta(_)) && member.property.name == "env" => {
                self.unknown(Kind::Env, offset);
            }
            None => walk::walk_static_member_expression(self, member),
        }
    }

    fn visit_computed_member_expression(&mut self, member: &ComputedMemberExpression<'a>) {
        match self.sense.meaning(&self.known, &member.object).and_then(|meaning| meaning.properties()) {
            Some(kind) => self.read_named_by(kind, &member.expression),
            None => walk::walk_computed_member_expression(self, member),
        }
    }

    fn visit_binary_expression(&mut self, binary: &BinaryExpression<'a>) {
        if binary.operator == BinaryOperator::In
            && let Some(kind) = self.sense.meaning(&self.known, &binary.right).and_then(|right| right.properties())
        {
            return self.read_named_by(kind, &binary.left);
        }
        walk::walk_binary_expression(self, binary);
    }

    fn visit_identifier_reference(&mut self, identifier: &IdentifierReference<'a>) {
        let Some(symbol) = self.sense.symbol(identifier) else { return };
        let offset = identifier.span.start;
        if self.handled.contains(&offset) {
            return;
        }
        if self
            .known
            .meanings
            .get(&symbol)
            .is_some_and(|meaning| meaning.is_environment() && *meaning != Meaning::HandlerEnv)
        {
            return self.unknown(Kind::Env, offset);
        }
        // a function that reads what it is told goes where it cannot be followed
        let kinds: Vec<_> = self.known.wrappers.get(&Callable::Symbol(symbol)).into_iter().flatten().copied().collect();
        if let Some((_, kind)) = kinds.first() {
            self.unknown(*kind, offset);
        }
    }
}
