// Writes client/src/catalogue.d.ts from schemas/site.schema.json; with --check, fails if the file differs.
import { readFileSync, writeFileSync } from "node:fs";
import { compile } from "json-schema-to-typescript";

const schemaFile = new URL("../schemas/site.schema.json", import.meta.url);
const typesFile = new URL("client/src/catalogue.d.ts", import.meta.url);
const banner = "// Generated from schemas/site.schema.json by examples/types.mjs: do not edit.";

/** Return the definition that a `$ref` names. */
function definition(bundle, ref) {
  return bundle.$defs[ref.replace("#/$defs/", "")];
}

/**
 * Return a schema without `$ref`: scalars are inlined, and each object type is referred to by its title. Left to the
 * compiler, a reference beside a description becomes a numbered copy of the type.
 */
function simplify(schema, bundle) {
  if (Array.isArray(schema)) return schema.map((item) => simplify(item, bundle));
  if (typeof schema !== "object" || schema === null) return schema;
  if (schema.allOf?.length === 1) {
    const { allOf, ...rest } = schema;
    return { ...simplify(rest, bundle), extends: allOf[0] };
  }
  const { $ref, minItems, maxItems, ...rest } = schema;
  if ($ref === undefined) {
    return Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, simplify(value, bundle)]));
  }
  const { title, ...target } = definition(bundle, $ref);
  return target.type === "object" ? { ...rest, tsType: title } : { ...target, ...rest };
}

/** Return the types of a bundle of schemas as a declaration file; the first type has one key for each kind of file. */
async function generate(bundle) {
  const objects = Object.entries(bundle.$defs).filter(([, schema]) => schema.type === "object");
  const $defs = Object.fromEntries(objects.map(([name, schema]) => [name, simplify(schema, bundle)]));
  const root = simplify({ ...bundle, $defs: undefined, required: Object.keys(bundle.properties) }, bundle);
  const types = await compile({ ...root, $defs }, bundle.title, {
    bannerComment: banner,
    ignoreMinAndMaxItems: true,
    unreachableDefinitions: true,
    style: { printWidth: 120 },
  });
  // The compiler notes where each definition was, which is of no use to readers.
  const note = / \*(\n \*)? This interface was referenced by .*\n \* via the `definition` .*\n/g;
  return types.replace(note, "").replace(/\/\*\*\n \*\/\n/g, "");
}

const types = await generate(JSON.parse(readFileSync(schemaFile, "utf8")));
if (!process.argv.includes("--check")) {
  writeFileSync(typesFile, types);
} else if (readFileSync(typesFile, "utf8") !== types) {
  console.error("client/src/catalogue.d.ts: differs from schemas/site.schema.json; write it again: npm run types");
  process.exitCode = 1;
}
