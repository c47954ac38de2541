// RUN: not asgc-tblgen --gen-asg-gradients %tblgen_includes %s 2>&1 >%t | FileCheck %s

// A gradient that cannot be is an error at the record's gradient.
include "dialects/asg/AsgElementwise.td"
include "dialects/asg/AsgLogic.td"
include "dialects/asg/AsgReduction.td"

class Written<string mnemonic> : Asg_Unary<mnemonic> {
  let summary = "s";
  let summaryRu = "с";
  let role = "R.";
  let roleRu = "Р.";
  let example = "e";
  let category = "arithmetic";
  let formula = "y";
}

// CHECK: [[#@LINE+1]]:{{.*}}: error: asg.many has 1 operands, but 2 gradients
def Asg_ManyOp : Written<"many"> { let gradient = [(id $dy), (id $dy)]; }

// CHECK: [[#@LINE+1]]:{{.*}}: error: asg.unknown names $z in its gradient, which is neither an operand, the result, nor the cotangent
def Asg_UnknownOp : Written<"unknown"> { let gradient = [(Asg_MulOp $dy, $z)]; }

// CHECK: [[#@LINE+1]]:{{.*}}: error: asg.short gives Asg_MulOp 1 arguments in its gradient, not 2
def Asg_ShortOp : Written<"short"> { let gradient = [(Asg_MulOp $dy)]; }

// CHECK: [[#@LINE+1]]:{{.*}}: error: asg.number has a scalar in its gradient that is no number in quotes
def Asg_NumberOp : Written<"number"> { let gradient = [(Asg_MulOp $dy, (scalar "two", $x))]; }

// CHECK: [[#@LINE+1]]:{{.*}}: error: asg.attributes has Asg_ReduceSumOp in its gradient, which needs attributes; write buildGradient in C++
def Asg_AttributesOp : Written<"attributes"> { let gradient = [(Asg_ReduceSumOp $dy)]; }

// CHECK: [[#@LINE+2]]:{{.*}}: error: asg.foreign has 'Foreign' in its gradient, which is no asg op
def Foreign;
def Asg_ForeignOp : Written<"foreign"> { let gradient = [(Foreign $dy)]; }

// CHECK: [[#@LINE+12]]:{{.*}}: error: asg.silent has a gradient but not the gradient interface
class Silent : Asg_PureOp<"silent">;
def Asg_SilentOp : Silent {
  let summary = "s";
  let summaryRu = "с";
  let role = "R.";
  let roleRu = "Р.";
  let example = "e";
  let category = "arithmetic";
  let formula = "y";
  let arguments = (ins Asg_FloatTensor:$x);
  let results = (outs Asg_FloatTensor:$y);
  let gradient = [(id $dy)];
}
