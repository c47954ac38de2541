// RUN: not asgc-tblgen --gen-asg-scalars %tblgen_includes %s 2>&1 >%t | FileCheck %s

include "dialects/asg/AsgElementwise.td"

// CHECK: [[#@LINE+8]]:{{.*}}: error: asg.other has scalarFloat 'vector.print', which is no op of arith or math
def Asg_OtherOp : Asg_Unary<"other"> {
  let summary = "s";
  let summaryRu = "с";
  let role = "R.";
  let roleRu = "Р.";
  let example = "e";
  let category = "arithmetic";
  let scalarFloat = "vector.print";
  let formula = "y";
  let gradient = [(id $dy)];
}
