// Writes dotenv.json: texts, and what the npm package `dotenv` reads from them; then checks writer.json with that package.
// See README.md beside this file.
import { createRequire } from "node:module";
import { readFileSync, writeFileSync } from "node:fs";

const require = createRequire(process.cwd() + "/");
const dotenv = require("dotenv");
const { version } = require("dotenv/package.json");

const named = [
  "K=v", "export K=v", "export  K=v\n", "export\tK=v", "export\nK=v", "exportK=v", "export=v", "export = v", "export K", "export K\n=v",
  "1K=v", "a.b-c=v", "a b=v", "a@b=v", "ключ=v", "K: v", "K:v", "K:", "K:\n", "K: ", "K:\nL=2", "K :v", "K : v", "K:=v", "K: =v",
  "K=", "K=\n", "K= \n", "K=  # c\n", "K=#c", "K=#c\nL=1", "K==v", "K=a=b", "=v", "K", "K\nL=1", "K\n=v", "K\n\n = v",
  "K=  padded  \n", "K=p@ss#word!", "K=a # b", "K=a #b#c", "K={\"a\":\"#x\"}", "K={\"a\": \"x # y\"}", "K='a#b'", "K=\"a#b\" # c", "K=`a#b` #c",
  "K='v'", "K=\"v\"", "K=`v`", "K=''", "K=\"\"", "K=``", "K='", "K=\"", "K=`", "K='''", "K=\"\"\"", "K=' v '", "K=\" v \"",
  "K='a\nb'", "K=\"a\nb\"\nL=1", "K=`a\n\nb`", "K=\"a\r\nb\"", "K=\"a\rb\"", "K=a\r\nL=b\r\n", "K=a\rL=b\r", "\ufeffK=v", "\ufeff\nK=v", "K=\ufeffv\ufeff",
  "K=\"a\\nb\"", "K=\"a\\rb\"", "K=\"a\\tb\"", "K=\"a\\\\nb\"", "K=\"a\\\"b\"", "K='a\\nb'", "K='a\\'b'", "K=`a\\`b`", "K=a\\nb", "K=\"C:\\new\"", "K=C:\\new",
  "K=\"a\\\"", "K='a\\'", "K=\"a\\\" # c", "K=\"a\\\"b\\\"", "K=\"a\\\"b\\\" c", "K='a\\'\nL='b'", "K='a\\'\nL=\"b\"", "K=\"\\\"", "K=\"\\\\\"",
  "K=$A${B}", "K=\"$A ${B}\"", "K='unclosed\nL=1", "K=\"unclosed\nL=1", "K=\"unclosed\\n # c\nL=1", "K=\"unclosed\nL=\"", "K=\"unclosed\nL=\"x\"", "K='it's", "K='it''s'",
  "K=\"a\" b", "K=\"a\" b # c", "K=\"a\"b\"", "K=\"a\" \"b\"", "K='a' 'b' # c", "K='a'b", "K='a'\"b\"", "K=\"{\"a\":1}\"", "K='{\"a\":\"b#c\"}'", "K=\"a\"#c", "K=\"a\" #c",
  "K=1\nK=2", "K=1\nL=2\nK=3", "K='1'\nK=", "toString=x\nconstructor=y", "hasOwnProperty=1", "__proto__=x\nK=1", "K=\n'v'", "K=\n\n\"v\"\nL=1", "K= # c\n'v'", "K=\n'v' x\nL=1",
  "# c", "# K=v", "#K=v\nL=1", "  # c\n  K=v", "\n\n\nK=v\n\n\n", "K=v\n\n# c\n\nL=w", "K=v # c\n# 'd\nL='w'", "junk\nK=v\nmore junk\n", "K=v\n'junk'\nL=w",
  "K=\u00a0v\u00a0", "K=v\u2028L=w", "K='a\u2028b'", "K=a\u2028'b'", "K=a\u2028\"b\\n\"", "junk\u2028K=v", "# c\u2029K=v", "K=\u0085v\u0085", "K\u3000=\u3000v", "K=v\u000bL=w", "K='a'\u2028x",
  "K=-----BEGIN KEY-----\\nabc\\n-----END KEY-----", "K=\"-----BEGIN KEY-----\nabc+/==\n-----END KEY-----\n\"", "K=\"-----BEGIN KEY-----\\nabc\\n-----END KEY-----\\n\"",
  "K=postgres://u:p@h:5432/d?sslmode=require", "K=🔑ключ", "K='🔑' x", "K=sk-abc123\nL='x y'\nM=\"z\"\n", "K=a\\", "K='a\\\\'", "K=`'\"`", "K='\"`'", "K=\"'`\"", "K=\t'v'\t", "a=b: c", "a: b=c", "K=v;L=w", "K=a'b\"c`d", "--=v", ".=v", "_=v",
  "K=\"a\n#b\nc\"", "K='a\n#b'c'\nL=1", "K=\"a\n\" x\nL=1", "K='a\n\n\n' # c\n\n# d\nL=1", "export export=1", "export export K=1", "export 'K'=v", "K = 'v' ", " K = v", "\tK\t=\tv\t",
];

// Deterministic noise: pieces that matter to the grammar, in random order.
let state = 20261121;
const random = (below) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
};
const pieces = ["K", "L", "M", "=", "=", "=", ":", ": ", " ", " ", "\n", "\n", "\n", "\r\n", "\r", "'", "'", "\"", "\"", "`", "`", "\\", "\\n", "\\r", "\\'", "\\\"", "\\`", "#", " # ", "export ", "export", "a", "b", "é", "🔑", "\t", "\u00a0", "\u2028", "\ufeff", "-", ".", "$", "{", "}", "K='", "L=\"", "M=`", "\nK=", "\nL=", "\nM="];
const noise = Array.from({ length: 1200 }, () => {
  let text = "";
  for (let left = 2 + random(22); left > 0; left -= 1) text += pieces[random(pieces.length)];
  return text;
});

const read = (text) => ({ text, values: dotenv.parse(Buffer.from(text, "utf8")) });
const lines = [...named, ...noise].map((text) => JSON.stringify(read(text)));
const target = new URL("dotenv.json", import.meta.url);
writeFileSync(target, `{"dotenv":"${version}","vectors":[\n${lines.join(",\n")}\n]}\n`);
console.log(`${lines.length} vectors of dotenv ${version}`);

// Each written line is read among neighbours that would show a quote running over.
const wrong = JSON.parse(readFileSync(new URL("writer.json", import.meta.url), "utf8")).filter(({ value, text }) => {
  if (text === null) return false;
  const read = dotenv.parse(`BEFORE=\`it's "1"\`\n${text}AFTER=x'\`y"z\n`);
  return read.BEFORE !== `it's "1"` || read.K !== value || read.AFTER !== "x'`y\"z";
});
if (wrong.length > 0) throw new Error(`${wrong.length} lines of writer.json do not read back: ${JSON.stringify(wrong)}`);
