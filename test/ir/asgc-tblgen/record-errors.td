// RUN: not asgc-tblgen --gen-op-catalog %tblgen_includes %s 2>&1 >%t | FileCheck %s

// What a record lacks is an error at the record.
include "dialects/asg/AsgElementwise.td"

// CHECK: [[#@LINE+6]]:5: error: record of asg.bare has no summary
// CHECK: [[#@LINE+5]]:5: error: record of asg.bare has no category
// CHECK: [[#@LINE+4]]:5: error: record of asg.bare has no role
// CHECK: [[#@LINE+3]]:5: error: record of asg.bare has no summaryRu
// CHECK: [[#@LINE+2]]:5: error: record of asg.bare has no roleRu
// CHECK: [[#@LINE+1]]:5: error: record of asg.bare has no example
def Asg_BareOp : Asg_Unary<"bare">;

class Written<string mnemonic> : Asg_Unary<mnemonic> {
  let summary = "s";
  let summaryRu = "с";
  let role = "R.";
  let roleRu = "Р.";
  let example = "e";
}

// CHECK: [[#@LINE+1]]:{{.*}}: error: unknown category 'misc' of asg.odd
def Asg_OddOp : Written<"odd"> { let category = "misc"; let formula = "y"; }

// CHECK: [[#@LINE+1]]:5: error: record of asg.vague has no formula
def Asg_VagueOp : Written<"vague"> { let category = "arithmetic"; }

// CHECK: [[#@LINE+1]]:{{.*}}: error: asg.nowhere has no interval 'low:high' as domain
def Asg_NowhereOp : Written<"nowhere"> { let category = "arithmetic"; let formula = "y"; let domain = "2:-2"; }
