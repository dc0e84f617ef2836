: coincide_connect(cells, netcons, pre, post, weight, channel, delay[, U, tau_rec, tau_facil]): one NetCon
: per connection, appended to the List netcons. cells is a List, the others are Vectors of one length;
: indices are not checked here. Three times as fast as NetCons made one by one in Python.
NEURON {
    SUFFIX nothing
}
VERBATIM
#include "neuronapi.h"
#include "hocdec.h"
#include <vector>
class NetCon;
extern int nrn_netcon_weight(NetCon*, double**);
extern Object** hoc_objgetarg(int);
extern double* vector_vec(IvocVect*);
extern int vector_capacity(IvocVect*);
extern IvocVect* vector_arg(int);
extern Object* ivoc_list_item(Object*, int);
ENDVERBATIM
FUNCTION coincide_connect() {
VERBATIM
    Object* cells = *hoc_objgetarg(1);
    Object* netcons = *hoc_objgetarg(2);
    const int n = vector_capacity(vector_arg(3));
    const double* pre = vector_vec(vector_arg(3));
    const double* post = vector_vec(vector_arg(4));
    const double* weight = vector_vec(vector_arg(5));
    const double* channel = vector_vec(vector_arg(6));
    const double* delay = vector_vec(vector_arg(7));
    const double* plastic[3] = {nullptr, nullptr, nullptr};
    for (int k = 0; k < 3 && ifarg(8); ++k) {
        plastic[k] = vector_vec(vector_arg(8 + k));
    }
    Symbol* netcon_class = nrn_symbol("NetCon");
    Symbol* append = nrn_method_symbol(netcons, "append");
    nrn_method_call(cells, nrn_method_symbol(cells, "count"), 0);
    const int n_cells = (int) nrn_double_pop();
    std::vector<Object*> cell;
    cell.reserve(n_cells);
    for (int i = 0; i < n_cells; ++i) {
        cell.push_back(ivoc_list_item(cells, i));
    }
    for (int i = 0; i < n; ++i) {
        nrn_object_push(cell[(int) pre[i]]);
        nrn_object_push(cell[(int) post[i]]);
        nrn_double_push(0.5);
        nrn_double_push(delay[i]);
        nrn_double_push(weight[i]);
        Object* netcon = nrn_object_new(netcon_class, 5);
        double* weights;
        nrn_netcon_weight((NetCon*) netcon->u.this_pointer, &weights);
        weights[1] = channel[i];
        for (int k = 0; k < 3 && plastic[k]; ++k) {
            weights[2 + k] = plastic[k][i];
        }
        nrn_object_push(netcon);
        nrn_method_call(netcons, append, 1);
        nrn_double_pop();
        nrn_object_unref(netcon);  // now it is the List's alone
    }
    return n;
ENDVERBATIM
}
